"""How scores become weights: against bisection and loops in float64, finite differences, and what each paper promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from limelight import ops
from limelight.errors import InputError
from limelight.ops import WeighFn

SPARSE: dict[str, tuple[WeighFn, float]] = {"sparsemax": (ops.sparsemax, 2.0), "entmax15": (ops.entmax15, 1.5)}
AT = torch.tensor([[[2, -1, 0], [1, 4, 3]]])                                        # (1 2 3)
EVERY: dict[str, WeighFn] = {
    "softmax": ops.softmax,
    "sparsemax": ops.sparsemax,
    "entmax15": ops.entmax15,
    "argmax": ops.argmax,
    "shares": lambda s: ops.shares(s.exp()),
    "gumbel": partial(ops.gumbel, noise=torch.zeros(1, 1, 1, 5), temperature=0.5),
    "faded": partial(ops.faded, fade=torch.full((1, 1, 1, 5), 0.5)),
}
SMOOTH = ["softmax", "sparsemax", "entmax15", "shares", "faded"]
rows = st.lists(st.floats(-6, 6, width=32), min_size=1, max_size=12)


def bisected(scores: list[float], alpha: float) -> list[float]:
    """The alpha-entmax of one row: max((alpha - 1) s - tau, 0)^(1 / (alpha - 1)), tau halved down to where the sum is 1."""
    z = [(alpha - 1) * s for s in scores]
    low, high = max(z) - 1, max(z)
    for _ in range(80):
        tau = (low + high) / 2
        low, high = (tau, high) if sum(max(x - tau, 0) ** (1 / (alpha - 1)) for x in z) > 1 else (low, tau)
    return [max(x - low, 0) ** (1 / (alpha - 1)) for x in z]


def row(values: list[float], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype)[None, None, None]


def some(dtype: torch.dtype = torch.float64, queries: int = 3) -> Tensor:
    """(2 2 q 5): in some rows keys are hidden, and one sees nothing."""
    scores = torch.randn(2, 2, queries, 5, dtype=torch.float64).to(dtype)
    scores[0, 1, 0, :2] = scores[1, :, 1, 4] = scores[1, 0, 2] = -torch.inf
    return scores


# --- sparse ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SPARSE)
@given(values=rows)
def test_sparse_weights_are_those_of_bisection(name: str, values: list[float]) -> None:
    weigh, alpha = SPARSE[name]
    found = weigh(row(values))
    torch.testing.assert_close(found, row(bisected(values, alpha)), atol=1e-7, rtol=0)
    assert found.min() >= 0
    assert found.sum().item() == pytest.approx(1, abs=1e-9)
    torch.testing.assert_close(weigh(row(values, torch.float32)).double(), found, atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", SPARSE)
@given(values=rows, shift=st.floats(-50, 50), seed=st.integers(0, 99))
def test_sparse_weights_know_differences_only_and_no_order(name: str, values: list[float], shift: float, seed: int) -> None:
    weigh, scores = SPARSE[name][0], row(values)
    order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
    whole = weigh(scores)
    torch.testing.assert_close(weigh(scores + shift), whole, atol=1e-10, rtol=0)
    assert torch.equal(weigh(scores[..., order]), whole[..., order])
    hidden = torch.cat((scores, torch.full((1, 1, 1, 3), -torch.inf, dtype=torch.float64)), -1)
    assert torch.equal(weigh(hidden), torch.nn.functional.pad(whole, (0, 3)))


@given(values=rows)
def test_sparsemax_is_the_nearest_point_of_the_simplex(values: list[float]) -> None:
    """p is nearest to s just where no step towards a corner e of the simplex brings it nearer: (s - p) . (e - p) <= 0."""
    scores = row(values)
    p = ops.sparsemax(scores)
    towards = (scores - p) - ((scores - p) * p).sum()
    assert towards.max() <= 1e-9


def test_sparse_weights_by_hand() -> None:
    assert ops.sparsemax(row([1.0, 0.5, -1.0])).flatten().tolist() == [0.75, 0.25, 0.0]
    assert ops.sparsemax(row([3.0, 1.0])).flatten().tolist() == [1.0, 0.0]
    assert ops.entmax15(row([2.0, 0.0, -9.0])).flatten().tolist() == [1.0, 0.0, 0.0]   # a gap of 2 is just enough
    assert ops.entmax15(row([0.0] * 4)).flatten().tolist() == pytest.approx([0.25] * 4)
    assert ops.softmax(row([2.0, 0.0])).flatten()[1] > 0.1


@pytest.mark.parametrize("name", SPARSE)
def test_long_rows_are_exact_too(name: str) -> None:
    weigh, alpha = SPARSE[name]
    scores = torch.randn(1, 1, 2, 3000) * torch.tensor([1e-3, 2.0])[:, None]
    found = weigh(scores)
    assert (found.sum(-1) - 1).abs().max() < 1e-4
    for i in range(2):
        wanted = row(bisected(scores[0, 0, i].double().tolist(), alpha)).flatten()
        torch.testing.assert_close(found[0, 0, i].double(), wanted, atol=2e-6, rtol=0)


@pytest.mark.parametrize("name", SPARSE)
def test_scores_of_any_size_are_taken(name: str) -> None:
    weigh = SPARSE[name][0]
    assert weigh(row([1e30, 1e30, -1e30], torch.float32)).flatten().tolist() == pytest.approx([0.5, 0.5, 0.0])
    assert weigh(row([-1e4, -1e4 - 9.0, -1e4 - 9.0], torch.float32)).flatten().tolist() == [1.0, 0.0, 0.0]


# --- all -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("name", EVERY)
def test_what_is_hidden_gets_nothing_and_blind_rows_are_zeros(name: str, dtype: torch.dtype) -> None:
    scores = some(dtype)
    before, full = scores.clone(), 0.5 if name == "faded" else 1.0
    weights = EVERY[name](scores)
    assert weights.dtype == dtype or name == "gumbel"                                # what is handed in may be wider
    assert torch.equal(scores, before)                                               # a trace may hold them
    assert (weights[scores == -torch.inf] == 0).all()
    sums = weights.double().sum(-1)
    assert (sums[1, 0, 2] == 0).all()
    sums[1, 0, 2] = full
    torch.testing.assert_close(sums, torch.full_like(sums, full), atol=0.02 if dtype == torch.bfloat16 else 1e-6, rtol=0)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_the_slopes(name: str) -> None:
    weigh = (lambda s: EVERY[name](s).double()) if name != "faded" else partial(ops.faded, fade=torch.rand(2, 1, 3, 5, dtype=torch.float64))
    scores = some()
    seen = scores > -torch.inf

    def of_seen(values: Tensor) -> Tensor:
        return weigh(torch.full_like(scores, -torch.inf).masked_scatter(seen, values))

    assert torch.autograd.gradcheck(of_seen, scores[seen].requires_grad_())


@pytest.mark.parametrize("name", [*SMOOTH, "gumbel"])
def test_gradients_are_finite_where_rows_are_blind(name: str) -> None:
    scores = some(torch.float32).requires_grad_()
    weights = EVERY[name](scores)
    (slope,) = torch.autograd.grad(weights, scores, torch.randn_like(weights))
    seen = scores > -torch.inf
    assert slope[seen].isfinite().all()
    assert slope[seen].any()
    if name != "shares":                                                             # which has exp before it here
        assert (slope[~seen] == 0).all()


def test_shares_of_hidden_scores_have_no_slope() -> None:
    scores = torch.tensor([[[[1.0, 3.0, -torch.inf], [-torch.inf] * 3, [0.0, 0.0, -torch.inf]]]], requires_grad=True)
    weights = ops.shares(scores)
    assert weights[0, 0].tolist() == [[0.25, 0.75, 0.0], [0.0] * 3, [0.0] * 3]
    (slope,) = torch.autograd.grad(weights[..., 0].sum(), scores)
    assert slope.isfinite().all()
    assert slope[0, 0, 0].tolist() == pytest.approx([3 / 16, -1 / 16, 0])


def test_softmax_is_torchs_bit_for_bit_where_all_see() -> None:
    scores = torch.randn(2, 2, 4, 9)
    assert torch.equal(ops.softmax(scores), scores.softmax(-1))
    scores[0, 0, 1] = -torch.inf
    assert torch.equal(ops.softmax(scores)[0, 1], scores[0, 1].softmax(-1))


def test_a_number_that_is_none_is_not_hidden_as_a_blind_row() -> None:
    scores = torch.tensor([[[[-torch.inf, torch.nan], [-torch.inf, -torch.inf]]]])
    assert ops.softmax(scores)[0, 0].isnan().tolist() == [[True, True], [False, False]]


# --- hard ------------------------------------------------------------------------------------------------------------
def test_argmax_takes_the_first_of_equals() -> None:
    scores = torch.tensor([[[[0.0, 7.0, 7.0], [-torch.inf, -torch.inf, -3.0], [-torch.inf] * 3]]], requires_grad=True)
    weights = ops.argmax(scores)
    assert weights[0, 0].tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert not weights.requires_grad
    assert ops.best(scores)[0, 0].tolist() == [1, 2, -1]
    assert ops.best(torch.zeros(1, 1, 2, 0))[0, 0].tolist() == [-1, -1]


def test_drawn_is_one_hot() -> None:
    weights = ops.drawn(torch.randn(1, 2, 3, 5), at=AT)
    for head in range(2):
        for query in range(3):
            wanted = [float(slot == AT[0, head, query]) for slot in range(5)]
            assert weights[0, head, query].tolist() == wanted
    assert torch.equal(ops.drawn(torch.randn(2, 2, 3, 5), at=torch.tensor([[[1]]]))[..., 1], torch.ones(2, 2, 3))


def test_gumbel_is_hard_ahead_and_soft_on_the_way_back() -> None:
    scores, noise = some(torch.float32).requires_grad_(), torch.randn(2, 2, 3, 5)
    weigh = partial(ops.gumbel, noise=noise, temperature=0.3)
    hard, soft = weigh(scores), ops.softmax((scores + noise) / 0.3)
    assert torch.equal(hard, ops.argmax(scores + noise))
    assert torch.equal(hard, weigh(scores.detach()))
    upstream = torch.randn_like(hard)
    found, wanted = (torch.autograd.grad(weights, scores, upstream)[0] for weights in (hard, soft))
    assert torch.equal(found, wanted)
    assert found.any()


def test_with_gumbels_noise_keys_are_drawn_as_softmax_has_it() -> None:
    scores, draws = row([1.0, 0.0, 2.0, -1.0], torch.float32).expand(1, 1, 20_000, 4), 20_000
    noise = -torch.empty(1, 1, draws, 4).exponential_().log()
    found = ops.gumbel(scores, noise=noise).mean((0, 1, 2))
    torch.testing.assert_close(found, scores[0, 0, 0].softmax(-1), atol=4 * math.sqrt(0.25 / draws), rtol=0)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_is_positive(temperature: float) -> None:
    with pytest.raises(InputError, match=rf"a temperature is positive: got {temperature}"):
        ops.gumbel(torch.randn(1, 1, 1, 3), noise=torch.zeros(1, 1, 1, 3), temperature=temperature)


def test_faded_weights_do_not_sum_to_one_again() -> None:
    scores, fade = row([0.0, 0.0]), row([1.0, 0.5])
    assert ops.faded(scores, fade=fade).flatten().tolist() == [0.5, 0.25]


@pytest.mark.parametrize("weigh", [ops.softmax, ops.argmax, ops.sparsemax, ops.entmax15, ops.shares], ids=lambda f: f.__name__)
def test_no_keys_are_no_weights(weigh: Callable[[Tensor], Tensor]) -> None:
    assert weigh(torch.randn(2, 1, 3, 0)).shape == (2, 1, 3, 0)
