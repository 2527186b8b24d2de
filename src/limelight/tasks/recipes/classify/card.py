"""The card of a classifier, as the README.md of its folder: what it is, where from, how good, how sure, and what it cannot do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ....data.opinions import Parts
from ....manifest import Calibration, Evidence, Manifest
from ....train import ClassifyRecipe
from ..cards import limits, origin, scored, size
from ..scores import Score
from ..trade import Workshop

Shop = Workshop[ClassifyRecipe, Parts]


def markdown(workshop: Shop, manifest: Manifest, scores: Sequence[Score]) -> str:
    """The whole card."""
    parts = [_what(workshop, manifest), _data(workshop), _scores(workshop, manifest, scores)]
    if manifest.calibration is not None:
        parts.append(_calibration(manifest.calibration))
    if manifest.evidence is not None:
        parts.append(explained(manifest.evidence))
    return "\n\n".join([*parts, limits(manifest.card)]) + "\n"


def _what(workshop: Shop, manifest: Manifest) -> str:
    r, m, card = workshop.recipe, workshop.recipe.model, manifest.card
    return f"""# {r.name}

{card.summary}

## What it is

- Labels: {", ".join(r.data.labels)}.
- Size: {size(workshop.model)}; an encoder of {m.depth} {"layer" if m.depth == 1 else "layers"} of {m.dim}, {m.heads} heads, read \
off {"the mean of all places" if m.at == "mean" else f"the {m.at} place"};
  {len(workshop.words):,} byte-pair pieces{", capitals read as small letters" if r.tokenizer.lower else ""}.
  Weights in int8 with one scale a row.
- Long texts: {r.batches.max_length} tokens are read at once, in training and in use; a longer text goes in windows, and its score is
  their mean. Nothing is cut off.
{origin(card)}"""


def _data(workshop: Shop) -> str:
    split = workshop.split
    train, valid, test = (Counter(each.of for each in part) for part in (split.train, split.valid, split.test))
    rows = "\n".join(
        f"| {s.name} | {train[s.name]:,} | {valid[s.name]:,} | {test[s.name]:,} | {s.rate:g} | {'yes' if s.even else 'no'} |"
        for s in workshop.recipe.data.sets
    )
    return f"""## Data

| set | to train on | valid | test | read in an epoch | labels evened |
|---|---:|---:|---:|---:|---|
{rows}

Held-out texts were drawn by seed {workshop.recipe.data.seed}. {split.near:,} texts were left out of training because they are near
copies of held-out ones, of any set: the same but for case, punctuation and spacing, or with half of the runs of five words of the
shorter one in both."""


def _scores(workshop: Shop, manifest: Manifest, scores: Sequence[Score]) -> str:
    rows = ((s.name, s.value, f"± {s.interval:.1f}", s.signature) for s in scores)
    return scored(workshop.recipe.name, manifest.card, "On the test part, in per cent, measured on the int8 weights as shipped:", rows)


def _calibration(found: Calibration) -> str:
    rows = "\n".join(f"| {name} | {100 * before:.1f} | {100 * found.after[name]:.1f} |" for name, before in found.before.items())
    return f"""## How sure it is

Logits are divided by a temperature of {found.temperature:.3f}, chosen on the {found.chosen_on:,} texts of the valid part (each set counting
the same) by their likelihood (Guo et al. 2017). The division is part of the head's weights, so that everyone gets calibrated
probabilities. Expected calibration error on the test part, 15 bins, in per cent:

| set | before | after |
|---|---:|---:|
{rows}"""


def explained(found: Evidence) -> str:
    """How far to trust what is said of single words."""
    rows = "\n".join(
        f"| {each.method} | {each.comprehensiveness:.2f} ± {each.within[0]:.2f} | {each.sufficiency:.2f} ± {each.within[1]:.2f} |"
        for each in (*found.methods, found.random)
    )
    return f"""## Which words decided

`--why` tells it by {found.methods[0].method}, the most faithful of {len(found.methods)} ways on {found.texts:,} texts of the test part
(DeYoung et al. 2020, section 4.2). Comprehensiveness: by how much the label's probability falls without the words that are named first
(more is better); sufficiency: by how much with these alone (less is better); each the mean over the first 1, 5, 10, 20 and 50 % of the
words, with half of its 95 % interval.

| way | comprehensiveness | sufficiency |
|---|---:|---:|
{rows}"""
