"""Scores of what was found in pictures: COCO's average precision, out of 100."""

from __future__ import annotations

from collections.abc import Sequence

from ....data.boxes.marks import Mark, Marked
from ....measure.intervals import RESAMPLES, Estimate
from ...detect.precision import MOST, average_precision
from ..scores import Score


def score(known: Sequence[Marked], found: Sequence[Sequence[Mark]]) -> list[Score]:
    """mAP (the mean over overlaps from 0.50 to 0.95) and mAP50 (at an overlap of a half), both means over kinds; then mAP50 of each kind.

    Intervals are a bootstrap over pictures. Raises InputError where there is nothing to be found: see tasks.detect.precision.
    """
    precision = average_precision(known, found, resamples=RESAMPLES)
    count = sum(not mark.hard for each in known for mark in each.marks)
    how = f"{len(known):,} pictures, {count:,} objects, COCO's: 101 shares found, {MOST} of a kind a picture at most"
    out = [_score("mAP", precision.mean, f"{how}, overlaps of 0.50 to 0.95"), _score("mAP50", precision.half, f"{how}, overlaps of 0.50")]
    for label, (_, half) in precision.kinds.items():
        mine = sum(mark.label == label and not mark.hard for each in known for mark in each.marks)
        out.append(Score(f"mAP50, {label}", 100 * half, 0.0, f"{mine:,} objects"))
    return out


def _score(name: str, found: Estimate, how: str) -> Score:
    half = 0.0 if found.low is None or found.high is None else (found.high - found.low) / 2
    return Score(name, 100 * found.mean, 100 * half, f"{how}, bootstrap of {RESAMPLES}")
