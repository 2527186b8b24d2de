"""The card of a model, as the README.md of its folder: what it is, where from, how good, and what it cannot do."""

from __future__ import annotations

from collections.abc import Sequence

from ....data import Split
from ....manifest import Aligner, Card
from ....spec.mechanisms import find
from ....train import TranslateRecipe
from ...translate.alignments import described
from ...translate.ways import way_of
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..trade import Workshop

Shop = Workshop[TranslateRecipe, Split]


def markdown(workshop: Shop, card: Card, scores: Sequence[Score], aligner: Aligner | None) -> str:
    """The whole card."""
    parts = [_what(workshop, card), _scores(workshop, card, scores), _alignment(workshop, aligner), limits(card)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(workshop: Shop, card: Card) -> str:
    r, split = workshop.recipe, workshop.split
    m = r.model
    return f"""# {r.name}

{card.summary}

## What it is

- Size: {size(workshop.model)}; {m.encoder_depth} encoder and {m.decoder_depth} decoder layers of {m.dim}, {_heads(r)},
  {len(workshop.words):,} byte-pair pieces. Weights in int8 with one scale a row.
{origin(card)}
- Data: {len(split.train):,} pairs to train on, {len(split.valid):,} and {len(split.test):,} English sentences held out. No English
  sentence is in two parts, nor one that differs only in case or punctuation.
- Normalisation: NFC, typewriter quotes, and in French one plain space before ? ! ; : » and after «, where the data mix plain
  spaces, U+00A0 and U+202F."""


def _heads(recipe: TranslateRecipe) -> str:
    """How it attends; a Transformer of the usual kind is told by its heads."""
    mechanism = find(recipe.model.mechanism)
    usual = mechanism.name == type(recipe.model)().mechanism
    return f"{recipe.model.heads} heads" if usual else f"{mechanism.group}, {mechanism.name} ({mechanism.title})"


def _scores(workshop: Shop, card: Card, scores: Sequence[Score]) -> str:
    about = f"On the test part, beam {workshop.recipe.eval.beam}, measured on the int8 weights as shipped:"
    rows = ((s.name, s.value, f"± {s.interval:.1f}", f"`{s.signature}`") for s in scores)
    return scored(workshop.recipe.name, card, about, rows, how="signature")


def _alignment(workshop: Shop, aligner: Aligner | None) -> str:
    gold = workshop.recipe.align
    if aligner is None or gold is None:
        return ""
    sure = "" if aligner.low is None else f" ({aligner.low:.3f} to {aligner.high:.3f})"
    rates = "" if aligner.precision is None else f", precision {aligner.precision:.3f}, recall {aligner.recall:.3f}"
    return f"""## Alignment

Words are aligned by {described(way_of(aligner))}. All of this was chosen on {gold.choose_on} gold pairs; the **alignment error rate is
{aligner.aer:.3f}**{sure}{rates}, on the {aligner.pairs} other {aligner.measured_on} pairs (0 is perfect). Those are parliamentary debates,
far from the everyday sentences that the model was trained on. Reproduce it with
`limelight eval {workshop.recipe.name} --recipe recipes/{workshop.recipe.name}.toml --align`."""
