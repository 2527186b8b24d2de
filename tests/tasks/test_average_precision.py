"""Average precision: pycocotools' own figures on marks that are drawn, and a few that can be counted by hand."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from limelight.data.boxes import Mark, Marked, to_coco
from limelight.errors import InputError
from limelight.tasks.detect.precision import average_precision

LABELS = ("ant", "bee", "cow")


def drawn(seed: int, pictures: int = 12) -> tuple[list[Marked], list[list[Mark]]]:
    """Pictures with marks, some hard, and what was found: some of them a little off, some twice, some that are not there."""
    dice = np.random.default_rng(seed)
    known, found = list[Marked](), list[list[Mark]]()
    for number in range(pictures):
        marks, mine = list[Mark](), list[Mark]()
        for _ in range(dice.integers(0, 9)):
            left, top, wide, high = dice.integers(1, 50, 4).astype(float).tolist()
            box, label = (left, top, left + wide, top + high), LABELS[dice.integers(3)]
            marks.append(Mark(label, box, hard=bool(dice.random() < 0.2)))
            for _ in range(dice.integers(0, 3)):
                a, b, c, d = (np.array(box) + dice.normal(0, 3, 4)).round(2).tolist()
                said = label if dice.random() < 0.8 else LABELS[dice.integers(3)]
                mine.append(Mark(said, (a, b, max(a, c), max(b, d)), score=float(dice.integers(1, 40)) / 40))
        mine += [Mark(LABELS[dice.integers(3)], (0.0, 0.0, 20.0, 30.0), score=float(dice.random())) for _ in range(dice.integers(0, 3))]
        known.append(Marked(Path(f"{number}.png"), (100, 100), tuple(marks)))
        found.append(mine)
    return known, found


def theirs(known: list[Marked], found: list[list[Mark]]) -> tuple[float, float]:
    coco, evaluator = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    marked = [Marked(each.path, each.size, tuple(marks)) for each, marks in zip(known, found, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        gold = coco.COCO()
        gold.dataset = to_coco(known, LABELS)
        gold.createIndex()
        scores = evaluator.COCOeval(gold, gold.loadRes(to_coco(marked, LABELS)["annotations"]), "bbox")
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
    return float(scores.stats[0]), float(scores.stats[1])


@pytest.mark.parametrize("seed", range(6))
def test_the_figures_are_those_of_pycocotools(seed: int) -> None:
    known, found = drawn(seed)
    ours = average_precision(known, found, resamples=0)
    assert (ours.mean.mean, ours.half.mean) == pytest.approx(theirs(known, found), abs=1e-6)
    assert 0.05 < ours.mean.mean < 0.95


def test_more_than_a_hundred_of_a_kind_in_a_picture_are_not_counted() -> None:
    wrong = [Mark("ant", (60.0, 60.0, 70.0, 70.0), score=0.9) for _ in range(100)]
    known = [Marked(Path("0.png"), (100, 100), (Mark("ant", (0.0, 0.0, 10.0, 10.0)),))]
    found = [[*wrong, Mark("ant", (0.0, 0.0, 10.0, 10.0), score=0.5)]]
    assert average_precision(known, found, resamples=0).half.mean == theirs(known, found)[1] == 0.0
    assert average_precision(known, [found[0][1:]], resamples=0).half.mean == pytest.approx(0.01)


def test_by_hand() -> None:
    """Two ants: the likeliest box is right, the next is wrong, the third is right at a half alone."""
    known = [Marked(Path("0.png"), (50, 50), (Mark("ant", (0.0, 0.0, 10.0, 10.0)), Mark("ant", (20.0, 0.0, 30.0, 10.0))))]
    boxes = ((0.0, 0.0, 10.0, 10.0), (40.0, 40.0, 45.0, 45.0), (20.0, 0.0, 30.0, 5.2))
    found = [[Mark("ant", box, score=score) for box, score in zip(boxes, (0.9, 0.8, 0.7), strict=True)]]
    ours = average_precision(known, found, resamples=50)
    half = (51 * 1.0 + 50 * 2 / 3) / 101
    assert ours.half.mean == pytest.approx(half)
    assert ours.mean.mean == pytest.approx((half + 9 * 51 / 101) / 10)
    assert ours.kinds == {"ant": (pytest.approx(ours.mean.mean), pytest.approx(half))}
    assert ours.half.low == ours.half.high == ours.half.mean          # one picture, whatever is drawn
    assert average_precision(known, [[]], resamples=0).mean.mean == 0.0


def test_a_picture_that_is_drawn_twice_counts_twice() -> None:
    known, found = drawn(3)
    twice = average_precision([*known, known[0], known[0]], [*found, found[0], found[0]], resamples=0)
    from limelight.tasks.detect.precision import tried

    often = np.ones(len(known))
    often[0] = 3
    each = [one.precision(often) for one in tried(known, found).values()]
    assert np.mean([one for one in each if one is not None]) == pytest.approx(twice.mean.mean, abs=5e-3)     # but for equal scores


def test_what_cannot_be_scored_is_said() -> None:
    one = Marked(Path("0.png"), (50, 50), (Mark("ant", (0.0, 0.0, 10.0, 10.0), hard=True),))
    with pytest.raises(InputError, match="nothing to be found in 1 pictures"):
        average_precision([one], [[]])
    with pytest.raises(InputError, match="is of 2 pictures, and there are 1"):
        average_precision([one], [[], []])
    with pytest.raises(InputError, match="has no scores"):
        average_precision([one], [[Mark("ant", (0.0, 0.0, 1.0, 1.0))]])
