"""Linear attention: its sums are the plain weights' sums, forward and back, and no map of queries x keys is made for them."""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from limelight import ops
from limelight.ops import attend, attend_plain, attention_weights, linear
from limelight.ops.linear import CHUNK

KERNEL = {"score": ops.kernel, "weigh": ops.shares}
LENGTHS = [1, 7, 64, CHUNK, 300]


def inputs(queries: int, keys: int, groups: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.randn(2, 4, queries, 8).to(dtype),
        torch.randn(2, groups, keys, 8).to(dtype),
        torch.randn(2, groups, keys, 6).to(dtype),
    )


def left_padded(keys: int) -> Tensor:
    """The second row has half the tokens, at the end."""
    return (torch.arange(keys) >= torch.tensor([[0], [(keys + 1) // 2]]))[:, None, None]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("n", LENGTHS)
def test_linear_is_plain(n: int, groups: int, padded: bool, causal: bool) -> None:
    q, k, v = inputs(n, n, groups)
    keep = left_padded(n) if padded else None
    wanted = attend_plain(q, k, v, allow=keep, causal=causal, **KERNEL)
    for found in (linear(q, k, v, keep=keep, causal=causal), attend(q, k, v, allow=keep, causal=causal, **KERNEL)):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    if padded and n > 1:
        blind = (n + 1) // 2 if causal else 0
        assert (found[1, :, :blind] == 0).all()                                      # before its first token a row sees nothing
        assert (found[1, :, blind:] != 0).any(-1).all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(1, 40), (60, 190), (190, 60), (130, 131), (1, 300)])
def test_the_last_query_faces_the_last_key(queries: int, keys: int, causal: bool) -> None:
    q, k, v = inputs(queries, keys)
    wanted = attend_plain(q, k, v, causal=causal, **KERNEL)
    torch.testing.assert_close(linear(q, k, v, causal=causal), wanted, atol=1e-5, rtol=0)
    if causal and queries > keys:
        assert (wanted[:, :, : queries - keys] == 0).all()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("queries", "keys"), [(7, 7), (150, 200), (200, 150)])
def test_gradients_are_the_twins(queries: int, keys: int, causal: bool) -> None:
    q, k, v = (x.double().requires_grad_() for x in inputs(queries, keys))
    keep, upstream = left_padded(keys), torch.randn(2, 4, queries, 6, dtype=torch.float64)
    fast = torch.autograd.grad(linear(q, k, v, keep=keep, causal=causal), (q, k, v), upstream)
    plain = torch.autograd.grad(attend_plain(q, k, v, allow=keep, causal=causal, **KERNEL), (q, k, v), upstream)
    for a, b in zip(fast, plain, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_gradients_are_the_slopes() -> None:
    q, k, v = (torch.randn(1, 2, n, 3, dtype=torch.float64, requires_grad=True) for n in (3, 4, 4))
    assert torch.autograd.gradcheck(lambda q, k, v: linear(q, k, v, causal=True), (q, k, v))


@pytest.mark.parametrize("n", [130, 300])
def test_nothing_leaks_from_later_tokens_not_even_rounding(n: int) -> None:
    q, k, v = inputs(n, n)
    whole = linear(q, k, v, causal=True)
    for t in (1, CHUNK - 1, CHUNK, CHUNK + 1):
        later_k, later_v = k.clone(), v.clone()
        later_k[:, :, t:], later_v[:, :, t:] = torch.randn(2, 2, n - t, 8) * 9, 1e6
        assert torch.equal(linear(q, later_k, later_v, causal=True)[:, :, :t], whole[:, :, :t])


def test_in_bf16_sums_are_kept_in_fp32() -> None:
    """As many summands as bf16 could not count: 256 + 1 is 256 there."""
    q, k, v = inputs(2000, 2000, dtype=torch.bfloat16)
    found = attend(q, k, v, causal=True, **KERNEL)
    wanted = attend_plain(q.double(), k.double(), v.double(), causal=True, **KERNEL)
    assert found.dtype == torch.bfloat16
    assert ((found.double() - wanted).abs() <= 2**-8 * wanted.abs() + 1e-6).all()    # rounded once, at the end


def test_phi_is_elu_plus_one_and_loses_no_digits() -> None:
    x = (torch.arange(-50, 51).double() / 10)[None, None, :, None].requires_grad_()
    one = torch.zeros(1, 1, 1, 1, dtype=torch.float64)                               # phi(0) = 1
    found = ops.kernel(x, one)
    torch.testing.assert_close(found, torch.nn.functional.elu(x) + 1)
    assert torch.autograd.grad(found.sum(), x)[0][0, 0, 50, 0] == 1                  # at 0
    assert ops.kernel(torch.full((1, 1, 1, 1), -40.0), one.float()).item() == pytest.approx(4.248354e-18, rel=1e-5)


def test_a_scale_changes_nothing() -> None:
    q, k, v = inputs(40, 40)
    torch.testing.assert_close(attend(q, k, v, scale=0.2, **KERNEL), attend_plain(q, k, v, scale=0.2, **KERNEL), atol=1e-5, rtol=0)


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor had that anything made."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.numbers = max(self.numbers, *(x.numel() for x in torch.utils._pytree.tree_leaves(out) if isinstance(x, Tensor)), 0)
        return out


@pytest.mark.parametrize("causal", [False, True])
def test_memory_grows_with_tokens_not_with_pairs(causal: bool) -> None:
    def largest(n: int) -> int:
        q, k, v = (x.requires_grad_() for x in inputs(n, n))
        with Largest() as seen:
            attend(q, k, v, allow=left_padded(n), causal=causal, **KERNEL).sum().backward()
        return seen.numbers

    assert largest(4096) <= 2.05 * largest(2048)


@pytest.mark.parametrize("how", ["bias", "allow", "dropout", "score", "one query"])
def test_what_asks_for_single_pairs_takes_the_plain_way(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(importlib.import_module("limelight.ops.attend"), "linear", lambda *a, **k: calls.append(k) or linear(*a, **k))
    q, k, v = inputs(40, 40)
    attend(q, k, v, causal=True, **KERNEL)
    assert len(calls) == 1
    arguments: dict = {
        "bias": {"bias": torch.rand(1, 4, 40, 40)},
        "allow": {"allow": torch.rand(40, 40) < 0.5},
        "dropout": {"dropout": 0.5},
        "score": {"score": lambda q, k: ops.dot(q, k).exp()},
        "one query": {},
    }[how]
    if how == "one query":
        q = q[:, :, :1]
    torch.manual_seed(3)
    found = attend(q, k, v, **{**KERNEL, **arguments})
    torch.manual_seed(3)
    assert torch.equal(found, attend_plain(q, k, v, **{**KERNEL, **arguments}))
    assert len(calls) == 1


def test_weights_are_nonnegative_and_sum_to_one() -> None:
    q, k, v = inputs(40, 40)
    weights = attention_weights(q, k, causal=True, **KERNEL)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 40))
    torch.testing.assert_close(weights @ v.repeat_interleave(2, 1), attend(q, k, v, causal=True, **KERNEL), atol=1e-5, rtol=0)
