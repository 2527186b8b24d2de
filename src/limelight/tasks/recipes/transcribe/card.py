"""The card of a model that hears, as the README.md of its folder: what it is, where from, how good, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....manifest import Card
from ....train import TranscribeRecipe
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..trade import Workshop
from .choosing import Chosen


def markdown(workshop: Workshop[TranscribeRecipe, Any], card: Card, scores: Sequence[Score], chosen: Chosen | None) -> str:
    """The whole card. `chosen`: None where nobody knows when words are said."""
    about = """\
On the test part, measured on the int8 weights as shipped; rates are in per cent of words and characters, times are of words that were
heard right:"""
    rows = ((s.name, s.value, f"± {s.interval:.1f}" if s.interval else "", s.signature) for s in scores)
    parts = [_what(workshop, card), scored(workshop.recipe.name, card, about, rows)]
    return "\n\n".join([*parts, *([_times(chosen)] if chosen else []), limits(card)]) + "\n"


def _what(workshop: Workshop[TranscribeRecipe, Any], card: Card) -> str:
    r, m, s = workshop.recipe, workshop.recipe.model, workshop.recipe.sounds
    return f"""# {r.name}

{card.summary}

## What it is

- Size: {size(workshop.model)}; an encoder of {m.encoder} and a decoder of {m.decoder} layers of {m.dim}, {m.heads} heads,
  {len(workshop.words):,} byte-pair pieces. Weights in int8 with one scale a row.
- It hears {s.rate:,} samples a second (others are resampled), {s.seconds} seconds at once, as {s.mels} mels every
  {1000 * s.hop / s.rate:.0f} ms.
{origin(card)}
- Data: {workshop.split.told}"""


def _times(chosen: Chosen) -> str:
    heads = ", ".join(f"{layer}.{head}" for layer, head in chosen.heads)
    worst = max(chosen.each.values(), default=0.0)
    return f"""## When words are said

By the heads {heads} (layer.head of the attention to what is heard), chosen on other recordings, where they are
{chosen.error:.0f} ms off on average; the worst head alone is {worst:.0f} ms off."""
