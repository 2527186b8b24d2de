"""Positions against their papers: formulas in plain loops, numbers from the text, and transformers' buckets where it is there."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limelight.ops import alibi, bucket, rotary_rates, sinusoid, turns
from limelight.ops import rotate as turned_by


def rotate(x: torch.Tensor, at: torch.Tensor, *, base: float = 10_000.0, pairs: bool = False) -> torch.Tensor:
    """x turned as its positions ask."""
    return turned_by(x, *turns(at, rotary_rates(x.shape[-1], base=base)), pairs=pairs)


# --- sinusoids ------------------------------------------------------------------------------------------------------
def test_sinusoid_is_the_formula() -> None:
    waves, dim = sinusoid(50, 12), 12
    for place in range(50):
        for i in range(dim // 2):
            angle = place / 10_000 ** (2 * i / dim)
            assert waves[place, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert waves[place, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


def test_sinusoid_halves_is_the_same_in_another_order() -> None:
    whole, halves = sinusoid(9, 8), sinusoid(9, 8, halves=True)
    assert torch.equal(halves, torch.cat((whole[:, 0::2], whole[:, 1::2]), -1))


def test_sinusoid_shifted_ends_at_exactly_one_ten_thousandth() -> None:
    last = sinusoid(5, 8, halves=True, shifted=True)[:, 3]
    assert last.tolist() == pytest.approx([math.sin(place / 10_000) for place in range(5)], abs=1e-9)


def test_sinusoid_stays_exact_far_out() -> None:
    angles = [100_000 / 10_000 ** (i / 3) for i in range(3)]     # fp32 would turn the second of these by 2e-4
    wanted = [wave(angle) for wave in (math.sin, math.cos) for angle in angles]
    assert sinusoid(100_001, 6, halves=True)[100_000].tolist() == pytest.approx(wanted, abs=1e-7)


# --- rotary ---------------------------------------------------------------------------------------------------------
def scores(q: Tensor, k: Tensor, i: int, j: int, pairs: bool) -> Tensor:
    return (rotate(q, torch.tensor([[i]]), pairs=pairs) * rotate(k, torch.tensor([[j]]), pairs=pairs)).sum(-1)


@pytest.mark.parametrize("pairs", [False, True])
@given(i=st.integers(0, 300), j=st.integers(0, 300), shift=st.integers(0, 300))
def test_rotary_scores_depend_only_on_distance(pairs: bool, i: int, j: int, shift: int) -> None:
    generator = torch.Generator().manual_seed(i + 7 * j)
    q, k = torch.randn(2, 1, 3, 1, 8, generator=generator)
    assert torch.allclose(scores(q, k, i, j, pairs), scores(q, k, i + shift, j + shift, pairs), atol=2e-4)


@pytest.mark.parametrize("pairs", [False, True])
def test_rotary_turns_each_pair_by_its_angle(pairs: bool) -> None:
    d, at, base = 6, 5, 100.0
    x = torch.randn(1, 1, 1, d)
    turned = rotate(x, torch.tensor([[at]]), base=base, pairs=pairs)
    for i in range(d // 2):
        a, b = (2 * i, 2 * i + 1) if pairs else (i, i + d // 2)
        angle = at * base ** (-2 * i / d)
        there = complex(x[0, 0, 0, a], x[0, 0, 0, b]) * complex(math.cos(angle), math.sin(angle))
        assert turned[0, 0, 0, a].item() == pytest.approx(there.real, abs=1e-5)
        assert turned[0, 0, 0, b].item() == pytest.approx(there.imag, abs=1e-5)


def test_rotary_pairs_are_halves_in_another_order() -> None:
    x, at = torch.randn(2, 3, 4, 8), torch.arange(4)[None]
    order = torch.arange(8).view(2, 4).mT.flatten()                # channel 2i from i, 2i + 1 from i + d/2
    assert torch.allclose(rotate(x[..., order], at, pairs=True), rotate(x, at)[..., order], atol=1e-6)


def test_rotary_keeps_lengths_and_leaves_position_zero_alone() -> None:
    x = torch.randn(2, 3, 4, 8)
    assert torch.allclose(rotate(x, torch.arange(4)[None]).norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    assert torch.equal(rotate(x, torch.zeros(2, 4, dtype=torch.long)), x)


def test_rotary_takes_positions_row_by_row() -> None:
    x, at = torch.randn(2, 1, 3, 4), torch.tensor([[0, 1, 2], [5, 6, 7]])
    assert torch.equal(rotate(x, at)[1:], rotate(x[1:], at[1:]))
    assert not torch.allclose(rotate(x, at)[1], rotate(x, at[:1])[1])


def test_rotary_keeps_the_dtype() -> None:
    x, at = torch.randn(1, 1, 3, 8), torch.arange(3)[None]
    assert rotate(x.bfloat16(), at).dtype == torch.bfloat16
    assert torch.allclose(rotate(x.bfloat16(), at).float(), rotate(x, at), atol=0.05)


# --- ALiBi ----------------------------------------------------------------------------------------------------------
def slopes(heads: int) -> list[float]:
    return (-alibi(heads, torch.tensor([1]), torch.tensor([0]))[0, :, 0, 0]).tolist()


def test_alibi_slopes_of_the_paper() -> None:
    assert slopes(8) == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]
    assert slopes(16) == pytest.approx([2 ** (-(i + 1) / 2) for i in range(16)])


def test_alibi_between_powers_of_two_interleaves_the_next() -> None:
    assert slopes(12) == pytest.approx(slopes(8) + slopes(16)[0::2][:4])


def test_alibi_is_slope_times_distance_on_both_sides() -> None:
    bias = alibi(2, torch.arange(2, 5), torch.arange(6))
    for head, slope in enumerate(slopes(2)):
        for row, i in enumerate(range(2, 5)):
            assert bias[0, head, row].tolist() == pytest.approx([-slope * abs(i - j) for j in range(6)])


# --- T5's buckets ---------------------------------------------------------------------------------------------------
def paper_bucket(distance: int, count: int, furthest: int, both_ways: bool) -> int:
    """Section 2.1 of the paper and its released code, one distance (key - query) at a time, in exact arithmetic where it matters."""
    start = 0
    if both_ways:
        count //= 2
        start = count if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(0, -distance)
    exact = count // 2
    if distance < exact:
        return start + distance
    steps = math.log(distance / exact) / math.log(furthest / exact) * (count - exact)
    return start + min(exact + math.floor(steps + 1e-6), count - 1)


CASES = [(32, 128, True), (32, 128, False), (8, 20, True), (8, 20, False), (4, 3, True), (64, 400, False)]


@pytest.mark.parametrize(("count", "furthest", "both_ways"), CASES)
def test_buckets_are_the_papers(count: int, furthest: int, both_ways: bool) -> None:
    distances = list(range(-600, 601))
    found = bucket(torch.tensor([distances]), count=count, furthest=furthest, both_ways=both_ways)[0].tolist()
    wanted = [paper_bucket(each, count, furthest, both_ways) for each in distances]
    # fp32 logarithms may fall just short of a whole step, exactly at the edge of a bucket
    assert sum(a != b for a, b in zip(found, wanted, strict=True)) <= 2
    assert all(abs(a - b) <= 1 for a, b in zip(found, wanted, strict=True))
    assert min(found) == 0
    assert max(found) == count - 1


def test_buckets_that_anyone_can_check() -> None:
    """32 buckets, 128 furthest, both ways: 8 exact, then 8 logarithmic, on either side."""
    found = bucket(torch.tensor([[0, -1, -7, -8, -127, -500, 1, 7, 8, 127, 500]]), count=32, furthest=128, both_ways=True)
    assert found.tolist() == [[0, 1, 7, 8, 15, 15, 17, 23, 24, 31, 31]]
    back = bucket(torch.tensor([[5, 1, 0, -3, -15, -16, -900]]), count=32, furthest=128, both_ways=False)
    assert back.tolist() == [[0, 0, 0, 3, 15, 16, 31]]


@pytest.mark.parametrize(("count", "furthest", "both_ways"), [case for case in CASES if case[0] >= 8])
def test_buckets_are_those_of_transformers(count: int, furthest: int, both_ways: bool) -> None:
    t5 = pytest.importorskip("transformers.models.t5.modeling_t5", reason="transformers is not installed")
    distances = torch.arange(-600, 601)[None]
    theirs = t5.T5Attention._relative_position_bucket(distances, bidirectional=both_ways, num_buckets=count, max_distance=furthest)
    assert torch.equal(bucket(distances, count=count, furthest=furthest, both_ways=both_ways), theirs)
