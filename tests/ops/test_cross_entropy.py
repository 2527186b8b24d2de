"""The loss without its logits against the one that has them all."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from limelight.ops import cross_entropy, linear_cross_entropy, linear_cross_entropy_plain

T, M, V = 11, 6, 29
NONE = -100


@pytest.fixture(params=[1, 3 * V, 1 << 20], ids=["row by row", "by threes", "at once"], autouse=True)
def _chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cross_entropy.CHUNK, "cpu", request.param)
    monkeypatch.setitem(cross_entropy.WALK, "cpu", max(1, request.param // 2))
    monkeypatch.setitem(cross_entropy.BLOCK, "cpu", request.param)


def given(dtype: torch.dtype = torch.float64, *, bias: bool = True, rows: int = T) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    torch.manual_seed(0)
    hidden, weight = torch.randn(rows, M, dtype=dtype) * 2, torch.randn(V, M, dtype=dtype)
    lift = torch.randn(V, dtype=dtype).requires_grad_() if bias else None
    return hidden.requires_grad_(), weight.requires_grad_(), lift, torch.randint(V, (rows,))


def learnt(loss, made: tuple[Tensor, Tensor, Tensor | None, Tensor], **how: float) -> tuple[Tensor, ...]:
    """Total, nll, and the gradients of three times the total."""
    total, nll = loss(*made, **how)
    return total.detach(), nll, *torch.autograd.grad(3 * total, [x for x in made[:3] if x is not None])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_the_loss(bias: bool, smoothing: float):
    *made, targets = given(bias=bias)
    assert torch.autograd.gradcheck(lambda *x: linear_cross_entropy(*x, targets, smoothing=smoothing)[0], made, fast_mode=True)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_is_its_plain_twin(dtype: torch.dtype, bias: bool, smoothing: float):
    made = given(dtype, bias=bias)
    ours, wanted = (learnt(loss, made, smoothing=smoothing) for loss in (linear_cross_entropy, linear_cross_entropy_plain))
    near = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(ours, wanted, **near)
    assert not ours[1].requires_grad


@pytest.mark.parametrize("bias", [True, False])
def test_under_autocast_products_round_and_nothing_else(bias: bool):
    """Against float32 both twins are off by what bfloat16 costs; gradients keep the format of what they are of."""
    made = given(torch.float32, bias=bias)
    exact = learnt(linear_cross_entropy_plain, made, smoothing=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        ours, plain = (learnt(loss, made, smoothing=0.1) for loss in (linear_cross_entropy, linear_cross_entropy_plain))
    assert {x.dtype for x in ours} == {torch.float32}
    for mine, theirs, wanted in zip(ours, plain, exact, strict=True):
        off, usual = ((x - wanted).norm() / wanted.norm() for x in (mine, theirs))
        assert off <= 1.5 * usual + 2e-3
        assert off < 2e-2


def test_the_logarithm_is_taken_in_float32():
    """Of logits that bfloat16 holds exactly, nothing is lost."""
    hidden, weight = torch.eye(8), torch.arange(-20.0, 20.0).repeat(8, 1).T.contiguous()
    targets = torch.arange(8) * 5
    with torch.autocast("cpu", torch.bfloat16):
        total, nll = linear_cross_entropy(hidden, weight, None, targets)
    exact, _ = linear_cross_entropy_plain(hidden.double(), weight.double(), None, targets)
    torch.testing.assert_close((total.double(), nll.double()), (exact, exact), rtol=1e-6, atol=0)


def test_a_word_that_is_all_but_impossible_costs_what_it_is_worth():
    hidden, weight = torch.tensor([[1.0]]), torch.tensor([[0.0], [-500.0], [3.0]])
    total, _ = linear_cross_entropy(hidden, weight, None, torch.tensor([1]))
    assert total.item() == pytest.approx(503.04858, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_rows_without_a_target_take_no_part(smoothing: float):
    hidden, weight, bias, targets = given()
    targets[[0, 4, 5, T - 1]] = NONE
    there = targets != NONE
    how = {"smoothing": smoothing, "ignore": NONE}
    ours, wanted = (
        learnt(partial(loss, **how), (hidden, weight, bias, targets)) for loss in (linear_cross_entropy, linear_cross_entropy_plain)
    )
    torch.testing.assert_close(ours, wanted)
    assert not ours[2][~there].any()
    assert ours[2][there].any(1).all()


@pytest.mark.parametrize("rows", [0, 3])
def test_no_targets_at_all_teach_nothing(rows: int):
    hidden, weight, bias, targets = given(rows=rows)
    total, nll, *slopes = learnt(partial(linear_cross_entropy, ignore=NONE), (hidden, weight, bias, targets.fill_(NONE)))
    assert total == nll == 0
    assert [each.shape for each in slopes] == [x.shape for x in (hidden, weight, bias)]
    assert not any(each.any() for each in slopes)


def test_a_table_that_is_read_too_gets_both_gradients():
    _, table, _, targets = given()
    tokens = torch.arange(T)

    def slope(loss) -> Tensor:
        total, _ = loss(torch.nn.functional.embedding(tokens, table).tanh(), table, None, targets)
        return torch.autograd.grad(total, table)[0]

    torch.testing.assert_close(slope(linear_cross_entropy), slope(linear_cross_entropy_plain))


def test_only_what_learns_is_taught():
    hidden, weight, bias, targets = given()
    frozen = weight.detach()
    total, _ = linear_cross_entropy(hidden, frozen, bias, targets)
    wanted, _ = linear_cross_entropy_plain(hidden, frozen, bias, targets)
    torch.testing.assert_close(torch.autograd.grad(total, (hidden, bias)), torch.autograd.grad(wanted, (hidden, bias)))
    with torch.no_grad():
        calm, _ = linear_cross_entropy(hidden, weight, bias, targets)
    assert not calm.requires_grad
    torch.testing.assert_close(calm, wanted.detach())


def test_the_way_back_may_be_gone_twice_where_it_is_kept():
    hidden, *rest = given()
    total, _ = linear_cross_entropy(hidden, *rest)
    once, thrice, again = (torch.autograd.grad(factor * total, hidden, retain_graph=factor < 9)[0] for factor in (1, 3, 9))
    torch.testing.assert_close((thrice, again), (3 * once, 9 * once))
    with pytest.raises(RuntimeError, match="second time"):
        total.backward()


def test_never_more_than_a_chunk_of_logits_is_there(monkeypatch: pytest.MonkeyPatch):
    seen = []
    honest = cross_entropy.softmax_slopes

    def watched(logits: Tensor, *rest: Tensor, **how: float) -> Tensor:
        seen.append((len(logits), logits.untyped_storage().nbytes() // (8 * V)))
        return honest(logits, *rest, **how)

    monkeypatch.setattr(cross_entropy, "softmax_slopes", watched)
    linear_cross_entropy(*given())
    most = max(1, cross_entropy.CHUNK["cpu"] // V)
    assert sum(rows for rows, _ in seen) == T
    assert max(room for _, room in seen) <= most
