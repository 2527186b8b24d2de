"""The card of a model that draws, as the README.md of its folder: what it is, where from, how good, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence

from ....data.shown import Example, Parts
from ....manifest import Card
from ....train import DrawRecipe
from ....train.recipes.shown import ListedPart
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..shown import told
from ..trade import Workshop

Shop = Workshop[DrawRecipe, Parts[Example]]


def markdown(workshop: Shop, card: Card, scores: Sequence[Score], seen: Sequence[Score]) -> str:
    """The whole card; `seen`: scores of texts that were learnt."""
    about = f"""Each held-out text is drawn once, by seed 0: nothing is picked. {_judged(workshop.recipe)}
Measured on the int8 weights as shipped; in per cent where nothing else is said."""
    rows = ((s.name, s.value, f"± {s.interval:.1f}" if s.interval else "", s.signature) for s in scores)
    known = [_of_seen(seen)] if seen else []
    return "\n\n".join([_what(workshop, card), scored(workshop.recipe.name, card, about, rows), *known, limits(card)]) + "\n"


def _of_seen(seen: Sequence[Score]) -> str:
    lines = "\n".join(f"- {s.name}: {s.value:.1f}{f' ± {s.interval:.1f}' if s.interval else ''} ({s.signature})" for s in seen)
    return f"""## What it has learnt

Texts of pictures that it learnt from, spread over them all, each drawn once by seed 0; the captioner learnt the same pictures.

{lines}"""


def _judged(recipe: DrawRecipe) -> str:
    if not isinstance(recipe.data, ListedPart):
        return """A checker without any network finds the things in a
drawing and compares them with the text; colours, sizes and relations count of things that are there. "codec alone": the same of what the
codec makes of the true pictures, which no drawing can be better than."""
    if recipe.eval.judge:
        return f"""The captioner `{recipe.eval.judge}`, to which
these pictures are as new, says how likely each held-out text is of each drawing. "codec alone": the same of what the codec makes of the
true pictures."""
    return "Whether a drawing is of its text nobody judged."


def _what(workshop: Shop, card: Card) -> str:
    r, m, codec = workshop.recipe, workshop.recipe.model, workshop.codec
    rows, columns = r.codec.spec(r.data.side).grid
    own = "" if codec is None else f", and a codec of {size(codec)} (fp32)"
    return f"""# {r.name}

{card.summary}

## What it is

- Size: {size(workshop.model)}: a decoder of {m.depth} layers of {m.dim}, {m.heads} heads, {len(workshop.words):,} byte-pair pieces and
  {r.codec.count:,} codes, int8 with one scale a row{own}.
- It reads a text of at most {m.text - 1} tokens, and draws {rows} x {columns} codes, which are {r.data.side} x {r.data.side} pixels.
{origin(card)}
- Data: {told(r.data, workshop.split)}"""
