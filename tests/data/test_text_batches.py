"""Batches of labelled texts: bounded, in a fixed order, long texts in windows, each text as often as its rate says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from limelight.data import TextBatches
from limelight.data.text_batches import Row
from limelight.errors import InputError

END, PAD = 1, 0


def batches(lengths: list[int], rates: list[float] | None = None, **more: int) -> TextBatches:
    firsts = [(10 if n < 10 else 1000) * (i + 1) for i, n in enumerate(lengths)]
    rows = [list(range(first, first + n)) for first, n in zip(firsts, lengths, strict=True)]
    how = {"budget": 60, "seed": 3, "max_length": 12} | more
    given = [Row(row, i % 2, rate) for i, (row, rate) in enumerate(zip(rows, rates or [1.0] * len(rows), strict=True))]
    return TextBatches(given, marks=(END, PAD), **how)


def test_each_short_text_comes_once_with_its_label_and_its_end() -> None:
    lengths = [3, 5, 1, 9, 7, 2, 8, 4]
    made = batches(lengths)
    seen = Counter[int]()
    for indices in made.order(0):
        lesson = made.batch(indices)
        keep = torch.ones_like(lesson.batch.values, dtype=torch.bool) if lesson.batch.keep is None else lesson.batch.keep
        assert lesson.batch.values.numel() <= 60
        for row, there, label in zip(lesson.batch.values, keep, lesson.labels.tolist(), strict=True):
            ids = row[there].tolist()
            text = ids[0] // 10 - 1
            assert ids == [*(10 * (text + 1) + j for j in range(lengths[text])), END]
            assert label == text % 2
            assert (row[~there] == PAD).all()
            seen[text] += 1
    assert seen == dict.fromkeys(range(8), 1)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    lists = [[b.tolist() for b in batches([3, 40, 5, 9] * 5, seed=seed).order(epoch)] for seed, epoch in ((3, 1), (3, 1), (3, 2), (4, 1))]
    assert lists[0] == lists[1]
    assert lists[0] != lists[2]
    assert lists[0] != lists[3]


def test_a_long_text_is_read_as_often_as_it_takes_each_time_from_another_place() -> None:
    made = batches([50, 3])
    starts = set[int]()
    for epoch in range(40):
        windows = [made.batch(indices[:1]).batch.values[0].tolist() for indices in (line[None] for b in made.order(epoch) for line in b)]
        long = [ids for ids in windows if ids[0] >= 1000]
        assert len(long) == 5                                        # 50 tokens, 11 at a time
        for ids in long:
            assert ids == [*range(ids[0], ids[0] + 11), END]
            starts.add(ids[0] - 1000)
    assert min(starts) == 0
    assert max(starts) == 39


def test_rates_are_kept_on_average() -> None:
    made = batches([3, 4, 5, 6], [2.5, 0.25, 1.0, 0.0])
    seen = Counter(int(text) for epoch in range(400) for b in made.order(epoch) for text, _, _ in b)
    assert seen[2] == 400
    assert seen[3] == 0
    assert 900 < seen[0] < 1100
    assert 70 < seen[1] < 130


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"lengths": [3, 0]}, "without any token"),
        ({"lengths": []}, "no text to learn from"),
        ({"lengths": [3], "budget": 8}, "a batch of 8 tokens cannot hold a row of 12"),
    ],
)
def test_what_cannot_be_batched(how: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        batches(**how)


def test_glimpses_are_short_stretches_of_anywhere() -> None:
    rows = [list(range(100, 160)), [7, 8, 9]]
    how = {"budget": 100, "seed": 0, "marks": (END, PAD), "max_length": 100}
    made = TextBatches([Row(rows[0], 0, glimpse=0.5), Row(rows[1], 1, glimpse=1.0)], **how)
    lengths, firsts = Counter[bool](), set[int]()
    for epoch in range(200):
        for text, first, length in (line for b in made.order(epoch) for line in b.tolist()):
            ids = made.batch(np.array([[text, first, length]])).batch.values[0].tolist()
            if text == 1:
                assert ids == [7, 8, 9, END]
                continue
            assert ids == [*range(100 + first, 100 + first + length), END]
            lengths[length == 60] += 1
            assert length == 60 or 8 <= length <= 48
            firsts.add(first)
    assert 70 < lengths[True] < 130
    assert max(firsts) > 30
