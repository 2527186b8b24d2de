"""The card of a captioner, as the README.md of its folder: what it is, where from, how good, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence

from ....data.shown import Example, Parts
from ....manifest import Card
from ....train import CaptionRecipe
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..shown import told
from ..trade import Workshop

Shop = Workshop[CaptionRecipe, Parts[Example]]


def markdown(workshop: Shop, card: Card, scores: Sequence[Score]) -> str:
    """The whole card."""
    about = "On pictures of the test part, as the folder's settings write, measured on the int8 weights as shipped; in per cent:"
    rows = ((s.name, s.value, f"± {s.interval:.1f}" if s.interval else "", s.signature) for s in scores)
    return "\n\n".join([_what(workshop, card), scored(workshop.recipe.name, card, about, rows), limits(card)]) + "\n"


def _what(workshop: Shop, card: Card) -> str:
    r, m = workshop.recipe, workshop.recipe.model
    return f"""# {r.name}

{card.summary}

## What it is

- Size: {size(workshop.model)}; an encoder of {m.squares.depth} layers over squares of {m.squares.square} x {m.squares.square} pixels,
  a decoder of {m.depth} layers of {m.dim}, {m.heads} heads, {len(workshop.words):,} byte-pair pieces. Weights in int8 with one scale a row.
- It reads pictures of {r.data.side} x {r.data.side} pixels (others are resized), and writes at most {r.eval.max_length} tokens.
{origin(card)}
- Data: {told(r.data, workshop.split)}"""
