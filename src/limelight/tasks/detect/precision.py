"""Average precision: how well boxes are found, as COCO counts it (Lin et al. 2014; cocodataset.org/#detection-eval).

What was found of a kind is taken from the likeliest on; each is right if it overlaps an object of its kind that none before it took.
Precision is what share of them is right, at each share of the objects that is found; its mean over 101 such shares is the average
precision. It is counted at ten overlaps, from 0.50 (Pascal VOC's) to 0.95.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ...data.boxes.marks import Mark, Marked
from ...errors import InputError
from ...measure.intervals import Estimate, over_items
from ...ops import areas, overlaps

OVERLAPS = np.linspace(0.5, 0.95, 10)
SHARES = np.linspace(0.0, 1.0, 101)
MOST = 100                               # of a kind in a picture, the likeliest
EXACT = 1 - 1e-10                        # an overlap that is as good as whole, where rounding has left a little
EPS = np.spacing(1)
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Tried:
    """What was found of one kind in all pictures, the likeliest first. `picture`: which it is in; `right`: whether it is, at each overlap;
    `counts`: whether it does: what is hard is neither right nor wrong. `there`: how many there are in each picture."""

    picture: Int[np.ndarray, " n"]
    right: Bool[np.ndarray, "t n"]
    counts: Bool[np.ndarray, "t n"]
    there: Int[np.ndarray, " p"]

    def precision(self, often: Float[np.ndarray, " p"]) -> Float[np.ndarray, " t"] | None:
        """The average precision at each overlap, where pictures count `often` each; None where there is nothing to be found."""
        total, weight = float(often @ self.there), often[self.picture]
        if not total:
            return None
        right = np.cumsum((self.right & self.counts) * weight, axis=1)
        wrong = np.cumsum((~self.right & self.counts) * weight, axis=1)
        found, precise = right / total, right / (right + wrong + EPS)
        best = np.maximum.accumulate(precise[:, ::-1], axis=1)[:, ::-1]                   # at this share or a larger one
        at = [np.searchsorted(each, SHARES, side="left") for each in found]
        return np.array([np.append(each, 0.0)[places].mean() for each, places in zip(best, at, strict=True)])


@dataclass(frozen=True, eq=False)
class Precision:
    """Average precision of found boxes: the mean over kinds and overlaps (`mean`, COCO's mAP), and at an overlap of a half (`half`, mAP50),
    each with its 95 % interval over pictures; and both of each kind."""

    mean: Estimate
    half: Estimate
    kinds: Mapping[str, tuple[float, float]]


def average_precision(known: Sequence[Marked], found: Sequence[Sequence[Mark]], *, resamples: int = RESAMPLES) -> Precision:
    """`found`: of each picture, marks with scores. Raises InputError where there is nothing to be found, for another number of pictures,
    and for a mark without a score. Without `resamples` there are no intervals."""
    kinds = tried(known, found)
    whole = np.ones(len(known))
    told = {label: each for label, one in kinds.items() if (each := one.precision(whole)) is not None}
    if not told:
        raise InputError(f"there is nothing to be found in {len(known)} pictures.", "Give pictures with marks that are not hard.")

    def score(drawn: Sequence[int]) -> tuple[float, float]:
        often = np.bincount(np.asarray(drawn), minlength=len(known)).astype(float)
        each = [precision for one in kinds.values() if (precision := one.precision(often)) is not None]
        return (float(np.mean(each)), float(np.mean([precision[0] for precision in each]))) if each else (0.0, 0.0)

    halves: list[float] = []

    def first(drawn: Sequence[int]) -> float:
        both = score(drawn)
        halves.append(both[1])
        return both[0]

    if resamples:
        mean = over_items(len(known), first, resamples=resamples)
        again = iter(halves)                                         # the same draws come in the same order
        half = over_items(len(known), lambda _: next(again), resamples=resamples)
    else:
        mean, half = (Estimate(mean=each) for each in score(range(len(known))))
    return Precision(mean, half, {label: (float(each.mean()), float(each[0])) for label, each in told.items()})


def tried(known: Sequence[Marked], found: Sequence[Sequence[Mark]]) -> dict[str, Tried]:
    """What there is to be found, kind by kind, in the order of their names; what was found of other kinds does not count."""
    if len(known) != len(found):
        raise InputError(f"what was found is of {len(found)} pictures, and there are {len(known)}.", "Give one list a picture.")
    if any(mark.score is None for marks in found for mark in marks):
        raise InputError("what was found has no scores.", "Score each mark: the likeliest are counted first.")
    labels = sorted({mark.label for each in known for mark in each.marks})
    return {label: _tried(label, known, found) for label in labels}


def _tried(label: str, known: Sequence[Marked], found: Sequence[Sequence[Mark]]) -> Tried:
    pictures, scores, right, counts, there = [], [], [], [], np.zeros(len(known), dtype=np.int64)
    for place, (each, marks) in enumerate(zip(known, found, strict=True)):
        wanted = sorted((mark for mark in each.marks if mark.label == label), key=lambda mark: mark.hard)
        mine = sorted((mark for mark in marks if mark.label == label), key=lambda mark: -(mark.score or 0.0))[:MOST]
        there[place] = sum(not mark.hard for mark in wanted)
        took, count = _took(mine, wanted)
        pictures += [place] * len(mine)
        scores += [mark.score or 0.0 for mark in mine]
        right.append(took)
        counts.append(count)
    order = np.argsort(-np.array(scores), kind="stable")
    rights, all_counts = (np.concatenate(each, axis=1)[:, order] for each in (right, counts))
    return Tried(np.array(pictures, dtype=np.int64)[order], rights, all_counts, there)


def _took(found: Sequence[Mark], wanted: Sequence[Mark]) -> tuple[Bool[np.ndarray, "t n"], Bool[np.ndarray, "t n"]]:
    """Of one picture and kind, the likeliest first: whether each takes an object, and whether it counts, at each overlap. `wanted`: those
    that are hard last. Each takes the one that it overlaps most; an object is taken once, a hard one by any number, for want of others."""
    right = np.zeros((len(OVERLAPS), len(found)), dtype=bool)
    counts = np.ones_like(right)
    if not found or not wanted:
        return right, counts
    hard = np.array([mark.hard for mark in wanted])
    a, b = (torch.tensor([mark.box for mark in each], dtype=torch.float64) for each in (found, wanted))
    over = torch.where(torch.from_numpy(hard), _covered(a[:, None], b), overlaps(a[:, None], b)).numpy()    # (n w)
    least, taken = np.minimum(OVERLAPS, EXACT)[:, None], np.zeros((len(OVERLAPS), len(wanted)), dtype=bool)
    for i, each in enumerate(over):
        may = (each >= least) & (~taken | hard)
        plain = (may & ~hard).any(1)
        may &= ~(hard & plain[:, None])
        best = len(wanted) - 1 - np.where(may, each, -1.0)[:, ::-1].argmax(1)             # of equal ones the last
        right[:, i] = may.any(1)
        counts[:, i] = ~(right[:, i] & hard[best])
        taken[np.flatnonzero(right[:, i]), best[right[:, i]]] = True
    return right, counts


def _covered(a: Float[Tensor, "n 1 4"], b: Float[Tensor, "w 4"]) -> Float[Tensor, "n w"]:
    """The share of each box that another covers: of a crowd nobody has to find the whole."""
    shared = areas(torch.cat((torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])), -1))
    return shared / areas(a).clamp(min=torch.finfo(shared.dtype).tiny)
