from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
import torch

from limelight.data import TokenBatches
from limelight.errors import InputError
from limelight.inputs import Pairs

END, PAD = 2, 0


def rows(count: int, seed: int, longest: int = 30) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [[*random.integers(3, 9000, random.integers(0, longest)).tolist(), END] for _ in range(count)]


SOURCES, TARGETS = rows(700, 1), rows(700, 2)


def made(join: float = 0.0, seed: int = 7, budget: int = 400, max_length: int = 25) -> TokenBatches:
    return TokenBatches(SOURCES, TARGETS, budget=budget, seed=seed, pad=PAD, max_length=max_length, join=join)


def texts(pairs: Pairs) -> list[tuple[list[int], list[int]]]:
    sides = []
    for side in (pairs.source, pairs.target):
        assert side is not None
        keep = torch.ones_like(side.values, dtype=torch.bool) if side.keep is None else side.keep
        assert (side.values[~keep] == PAD).all()
        sides.append([row[k].tolist() for row, k in zip(side.values, keep, strict=True)])
    return list(zip(*sides, strict=True))


def test_every_pair_comes_once_and_unharmed() -> None:
    batches = made()
    seen = [pair for indices in batches.order(0) for pair in texts(batches.batch(indices))]
    wanted = [(s, t) for s, t in zip(SOURCES, TARGETS, strict=True) if max(len(s), len(t)) <= 25]
    assert sorted(seen) == sorted(wanted)
    assert batches.left_out == 700 - len(wanted) > 0


def test_rows_are_the_numbers_that_were_given() -> None:
    batches = made()
    for indices in batches.order(3)[:5]:
        assert texts(batches.batch(indices)) == [(SOURCES[i], TARGETS[i]) for i in indices]


@pytest.mark.parametrize("join", [0.0, 0.5])
def test_the_budget_counts_padding_on_the_longer_side(join: float) -> None:
    batches = made(join)
    shapes = []
    for indices in batches.order(0):
        pairs = batches.batch(indices)
        assert pairs.source is not None
        shapes.append(len(indices) * max(pairs.source.values.shape[1], pairs.target.values.shape[1]))
    assert max(shapes) <= 400
    assert np.median(shapes) > 330
    assert 0 < batches.padding_share(0) < 0.3


@pytest.mark.parametrize("join", [0.0, 0.5])
def test_order_is_a_function_of_seed_and_epoch(join: float) -> None:
    def told(batches: TokenBatches, epoch: int) -> list[list]:
        return [indices.tolist() for indices in batches.order(epoch)]

    batches = made(join)
    later = told(batches, 1)
    assert told(batches, 0) == told(made(join), 0)
    assert later == told(batches, 1)
    assert later != told(batches, 0)
    assert told(made(join, seed=8), 0) != told(batches, 0)


def test_epochs_mix_their_rows_anew() -> None:
    like = rows(4000, 3, longest=9)     # many rows of each length, as sentences are
    batches = TokenBatches(like, like[::-1], budget=400, seed=7, pad=PAD, max_length=25)
    before, after = ({tuple(sorted(indices.tolist())) for indices in batches.order(epoch)} for epoch in (0, 1))
    assert len(before) > 50
    assert not before & after


def test_joined_pairs_hold_their_parts_with_one_end() -> None:
    batches = made(0.5, max_length=60)
    alone, together = [], []
    for indices in batches.order(0):
        assert indices.shape[1] == 4
        for parts, (source, target) in zip(indices, texts(batches.batch(indices)), strict=True):
            used = [int(i) for i in parts if i >= 0]
            assert source == [*(t for i in used for t in SOURCES[i][:-1]), END]
            assert target == [*(t for i in used for t in TARGETS[i][:-1]), END]
            assert max(len(source), len(target)) <= 60
            (together if len(used) > 1 else alone).append(used)
    assert sorted(i for used in alone + together for i in used) == list(range(700))
    assert {2, 3, 4} <= set(Counter(map(len, together)))
    assert 0.25 < sum(map(len, together)) / 700 <= 0.5


def test_join_of_everything_and_too_tight_a_length() -> None:
    assert sum(len(b) for b in made(1.0, max_length=120).order(0)) < 400
    short = TokenBatches([[5, END]] * 9, [[6, END]] * 9, budget=10, seed=0, pad=PAD, max_length=2, join=1.0)
    assert sum(len(b) for b in short.order(0)) == 9


def test_a_language_model_has_no_sources() -> None:
    batches = TokenBatches(None, TARGETS, budget=400, seed=0, pad=PAD, max_length=30)
    pairs = batches.batch(batches.order(0)[0])
    assert pairs.source is None
    assert pairs.tokens == sum(len(TARGETS[i]) for i in batches.order(0)[0])


def test_equal_lengths_need_no_mask() -> None:
    batches = TokenBatches([[4, END]] * 6, [[5, 6, END]] * 6, budget=100, seed=0, pad=PAD, max_length=9)
    (indices,) = batches.order(0)
    pairs = batches.batch(indices)
    assert pairs.source is not None
    assert pairs.source.keep is None
    assert pairs.target.keep is None
    assert pairs.target.values.tolist() == [[5, 6, END]] * 6
    assert pairs.target.values.dtype == torch.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sources": [[END]]}, "got 1 and 2"),
        ({"targets": [[END], []]}, "row 1 has no tokens"),
        ({"budget": 5}, "5 tokens cannot hold a row of 9"),
        ({"join": 1.5}, "between 0 and 1: got 1.5"),
        ({"max_length": 0, "budget": 0}, "no pair is left of 2"),
    ],
)
def test_what_cannot_work_is_refused(change: dict, message: str) -> None:
    good = {"sources": [[END]] * 2, "targets": [[END]] * 2, "budget": 90, "seed": 0, "pad": PAD, "max_length": 9}
    with pytest.raises(InputError, match=message):
        TokenBatches(**{**good, **change})


def test_fast_enough_for_a_large_set() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(3, 20, 160_000)
    many = [[5] * n for n in lengths.tolist()]
    batches = TokenBatches(many, many, budget=8192, seed=0, pad=PAD, max_length=64)
    best_order, best_batch = 9.0, 9.0
    for epoch in range(3):      # the best of a few: the machine may be busy
        start = time.perf_counter()
        order = batches.order(epoch)
        between = time.perf_counter()
        for indices in order[:20]:
            batches.batch(indices)
        best_order = min(best_order, between - start)
        best_batch = min(best_batch, (time.perf_counter() - between) / 20)
    assert best_order < 0.6      # 0.05 s on two idle cores
    assert best_batch < 0.01     # 0.0003 s
