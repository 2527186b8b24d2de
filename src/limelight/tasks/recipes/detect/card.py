"""The card of a detector, as the README.md of its folder: what it is, where from, how good, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....manifest import Card
from ....train import DetectRecipe
from ....train.recipes.detect import AlbumPart, SquaresPart
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..trade import Workshop


def markdown(workshop: Workshop[DetectRecipe, Any], card: Card, scores: Sequence[Score]) -> str:
    """The whole card."""
    about = "On pictures of the test part, measured on the int8 weights as shipped; average precision out of 100, as COCO counts it:"
    rows = ((s.name, s.value, f"± {s.interval:.1f}" if s.interval else "", s.signature) for s in scores)
    return "\n\n".join([_what(workshop, card), scored(workshop.recipe.name, card, about, rows), limits(card)]) + "\n"


def _what(workshop: Workshop[DetectRecipe, Any], card: Card) -> str:
    r, m, (rows, columns) = workshop.recipe, workshop.recipe.model, workshop.recipe.size
    if isinstance(m.reads, SquaresPart):
        reads = f"squares of {m.reads.square} x {m.reads.square} pixels"
    else:
        reads = f"the last grid of a residual network of {sum(m.reads.depths)} blocks"
    return f"""# {r.name}

{card.summary}

## What it is

- Size: {size(workshop.model)}; an encoder of {m.depth} layers of {m.dim}, {m.heads} heads, over {reads}.
  Each of its places finds one object near to it, or nothing; a set is learnt, so that no object is found twice.
  Weights in int8 with one scale a row.
- It reads pictures of {rows} x {columns} pixels (others are resized), and finds: {", ".join(r.labels)}.
{origin(card)}
- Data: {_told(workshop)}"""


def _told(workshop: Workshop[DetectRecipe, Any]) -> str:
    data, split = workshop.recipe.data, workshop.split
    if isinstance(data, AlbumPart):
        held = f"{len(split.valid):,} and {len(split.test):,} held out"
        return f"{len(split.learnt(0)):,} pictures to learn from, {held}: the set's own parts."
    return f"""scenes that are made by rule, {data.epoch:,} new ones an epoch, and {len(split.test):,} to be tested on.
  {data.held} kinds of things (a size, a colour and a shape) are in no scene to learn from; every second of the others has one."""
