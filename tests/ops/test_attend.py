"""attend, its plain twin, and a float64 loop written from the paper: the three agree in every mode, and so do their gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from limelight import ops
from limelight.errors import InputError
from limelight.ops import WeighFn, attend, attend_plain, attention_scores, attention_weights

WIDTH = 8
# on both sides of where the fused kernel takes over; "page" is where it does in bf16
SIZES = {"tiny": (5, 7), "one_query": (1, 90), "long": (66, 66), "more_keys": (60, 74), "more_queries": (74, 60)}
PAGE = (180, 190)
GROUPS = {"multi_head": (4, 4), "grouped": (4, 2), "multi_query": (4, 1)}
MODES = ["open", "allow", "bias", "bias_allow", "causal", "causal_allow", "causal_bias", "row_allow"]


def reference(q: Tensor, k: Tensor, v: Tensor, *, allow=None, bias=None, causal: bool = False, scale: float | None = None) -> Tensor:
    """Equation 1 of Vaswani et al. 2017, one query at a time, in float64."""
    q, k, v = q.double(), k.double(), v.double()
    (b, h, queries, d), (g, keys) = q.shape, k.shape[1:3]
    out = torch.zeros(b, h, queries, v.shape[-1], dtype=torch.float64)
    allow = (torch.ones(1, dtype=torch.bool) if allow is None else allow).expand(b, h, queries, keys)
    bias = (torch.zeros(1) if bias is None else bias).double().expand(b, h, queries, keys)
    for row in range(b):
        for head in range(h):
            group = head // (h // g)
            for i in range(queries):
                last = min(keys, i + 1 + keys - queries) if causal else keys
                seen = allow[row, head, i, : max(0, last)].nonzero()[:, 0]
                if not len(seen):
                    continue
                scores = (k[row, group, seen] @ q[row, head, i]) * (d**-0.5 if scale is None else scale) + bias[row, head, i, seen]
                shares = (scores - scores.max()).exp()
                out[row, head, i] = (shares / shares.sum()) @ v[row, group, seen]
    return out


def inputs(size: str, groups: str, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    (queries, keys), (h, g) = {**SIZES, "page": PAGE}[size], GROUPS[groups]
    return tuple(torch.randn(2, heads, n, WIDTH).to(dtype) for heads, n in ((h, queries), (g, keys), (g, keys)))


def how(mode: str, q: Tensor, k: Tensor) -> dict[str, Any]:
    """The arguments of a mode; masks leave some queries blind."""
    shape = (q.shape[2], k.shape[2])
    allow = torch.rand(2, 1, *shape) < 0.6
    allow[0, 0, 0] = allow[1, 0, -1] = False
    bias = torch.randn(1, q.shape[1], *shape).to(q.dtype)
    keep = torch.arange(shape[1]) < torch.tensor([[shape[1]], [shape[1] // 2]])
    return {
        "open": {},
        "allow": {"allow": allow},
        "bias": {"bias": bias, "scale": 0.7},
        "bias_allow": {"bias": bias, "allow": allow},
        "causal": {"causal": True},
        "causal_allow": {"causal": True, "allow": allow},
        "causal_bias": {"causal": True, "bias": bias},
        "row_allow": {"allow": keep[:, None, None], "scale": 1.0},
    }[mode]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("size", SIZES)
def test_attend_is_the_paper(size: str, groups: str, mode: str) -> None:
    q, k, v = inputs(size, groups)
    arguments = how(mode, q, k)
    wanted = reference(q, k, v, **arguments)
    for twin in (attend, attend_plain):
        found = twin(q, k, v, **arguments)
        assert found.dtype == torch.float32
        assert (found.double() - wanted).abs().max() < 2e-6, twin.__name__


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [*SIZES, "page"])
def test_in_bf16_too(size: str, mode: str) -> None:
    q, k, v = inputs(size, "grouped", torch.bfloat16)
    arguments = how(mode, q, k)
    wanted = reference(q, k, v, **arguments)
    for twin in (attend, attend_plain):
        found = twin(q, k, v, **arguments)
        assert found.dtype == torch.bfloat16
        assert (found.double() - wanted).abs().max() < 0.03 * max(1.0, wanted.abs().max().item()), twin.__name__   # scores are rounded too


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
def test_weights_sum_to_one_or_to_nothing(size: str, mode: str) -> None:
    q, k, v = inputs(size, "grouped")
    arguments = how(mode, q, k)
    weights = attention_weights(q, k, **arguments)
    sums = weights.sum(-1)
    assert ((sums - 1).abs().lt(1e-5) | sums.eq(0)).all()
    assert torch.equal(sums.eq(0), reference(q, k, torch.ones_like(v), **arguments)[..., 0].eq(0))
    assert torch.allclose(weights @ v.repeat_interleave(2, 1), attend(q, k, v, **arguments), atol=2e-6)


@pytest.mark.parametrize("size", ["tiny", "long", "more_queries"])
@pytest.mark.parametrize("mode", MODES)
def test_gradients_are_finite_and_those_of_the_twin(size: str, mode: str) -> None:
    """Blind rows among them: NaN x 0 must not reach the layer below."""
    q, k, v = (x.requires_grad_() for x in inputs(size, "grouped"))
    arguments, upstream = how(mode, q, k), torch.randn(2, 4, SIZES[size][0], WIDTH)
    fast, plain = (torch.autograd.grad(twin(q, k, v, **arguments), (q, k, v), upstream) for twin in (attend, attend_plain))
    for a, b in zip(fast, plain, strict=True):
        assert a.isfinite().all()
        assert torch.allclose(a, b, atol=1e-5)


def test_gradients_are_the_slopes() -> None:
    q, k, v = (torch.randn(1, 2, n, 3, dtype=torch.float64, requires_grad=True) for n in (3, 4, 4))
    allow = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], dtype=torch.bool)
    bias = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda q, k, v, bias: attend(q, k, v, allow=allow, bias=bias), (q, k, v, bias))


@pytest.mark.parametrize("size", ["tiny", "long"])
def test_blind_rows_give_zeros_exactly(size: str) -> None:
    q, k, v = inputs(size, "grouped")
    allow = torch.ones(SIZES[size], dtype=torch.bool)
    allow[[0, 3]] = False
    for twin in (attend, attend_plain):
        out = twin(q, k, v, allow=allow)
        assert (out[:, :, [0, 3]] == 0).all()
        assert (out[:, :, 1] != 0).all()


@pytest.mark.parametrize("twin", [attend, attend_plain])
def test_causal_counts_from_the_lower_right_corner(twin: Callable[..., Tensor]) -> None:
    q, k, v = inputs("more_keys", "multi_head")
    longer = torch.cat((torch.randn(2, 4, 14, WIDTH), q), 2)
    assert torch.allclose(twin(q, k, v, causal=True), twin(longer, k, v, causal=True)[:, :, 14:], atol=1e-6)


@pytest.mark.parametrize(("n", "groups"), [(6, 96), (66, 96), (66, 8)])
def test_ninety_six_heads_of_128_as_gpt3_has(n: int, groups: int) -> None:
    q, k, v = torch.randn(1, 96, n, 128), torch.randn(1, groups, n, 128), torch.randn(1, groups, n, 128)
    out = attend(q, k, v, causal=True)
    for head in (0, 1, 47, 95):
        group = slice(head * groups // 96, head * groups // 96 + 1)
        wanted = reference(q[:, head : head + 1], k[:, group], v[:, group], causal=True)
        assert (out[:, head : head + 1] - wanted).abs().max() < 5e-6


@pytest.mark.parametrize("n", [5, 70])
def test_values_may_have_another_width(n: int) -> None:
    q, k, v = torch.randn(1, 2, n, 8), torch.randn(1, 2, n, 8), torch.randn(1, 2, n, 3)
    assert (attend(q, k, v) - reference(q, k, v)).abs().max() < 2e-6


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("size", ["tiny", "long"])
def test_other_scores_serve_as_well(size: str, groups: str) -> None:
    q, k, v = inputs(size, groups)
    weight = torch.randn(4, WIDTH, WIDTH)
    found = attend(q, k, v, score=partial(ops.general, weight=weight), causal=True)
    wanted = reference(q.double() @ weight.double(), k, v, causal=True, scale=1.0)
    assert (found - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("n", [6, 70])
@pytest.mark.parametrize("twin", [attend, attend_plain])
def test_dropout_drops_weights_and_scales_the_rest(n: int, twin: Callable[..., Tensor]) -> None:
    q, k = torch.randn(2, 4, n, n), torch.randn(2, 4, n, n)
    eye = torch.eye(n).expand(2, 4, n, n)   # with these values, what comes out is the weights
    whole, some = twin(q, k, eye), twin(q, k, eye, dropout=0.25)
    dropped = some == 0
    assert torch.allclose(some[~dropped], whole[~dropped] / 0.75, atol=1e-6)
    share = dropped.float().mean().item()
    assert abs(share - 0.25) < (0.1 if n == 6 else 0.02)


def test_the_fused_kernel_serves_long_rows_and_only_dot_products(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    kernel = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", lambda *a, **k: calls.append(k) or kernel(*a, **k))
    long, tiny = inputs("long", "grouped"), inputs("tiny", "grouped")
    attend(*long, causal=True)
    assert len(calls) == 1
    assert calls[0]["is_causal"]
    assert calls[0]["attn_mask"] is None    # causal alone needs no mask in memory
    attend(*long, score=partial(ops.general, weight=torch.eye(WIDTH).repeat(4, 1, 1)))
    attend_plain(*long)
    assert len(calls) == 1
    assert torch.allclose(attend(*tiny), kernel(*tiny, enable_gqa=True), atol=1e-6)


def test_heads_that_cannot_share_are_refused() -> None:
    with pytest.raises(InputError, match="4 heads cannot share 3 kv-groups"):
        attend(torch.randn(1, 4, 2, 8), torch.randn(1, 3, 2, 8), torch.randn(1, 3, 2, 8))


# --- other weights ---------------------------------------------------------------------------------------------------
def drawing(q: Tensor, keys: int) -> Tensor:
    """Slots drawn for every query, some of them none."""
    return torch.randint(-1, keys, q.shape[:3])


WEIGHS: dict[str, Callable[[Tensor, int], WeighFn]] = {
    "sparsemax": lambda *_: ops.sparsemax,
    "entmax15": lambda *_: ops.entmax15,
    "argmax": lambda *_: ops.argmax,
    "drawn": lambda q, keys: partial(ops.drawn, at=drawing(q, keys)),
    "drawn for all heads": lambda q, keys: partial(ops.drawn, at=drawing(q, keys)[:1, :1]),
    "gumbel": lambda q, keys: partial(ops.gumbel, noise=torch.randn(*q.shape[:3], keys), temperature=0.7),
    "faded": lambda q, keys: partial(ops.faded, fade=torch.rand(2, 1, q.shape[2], keys)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("size", ["tiny", "one_query", "more_queries"])
@pytest.mark.parametrize("name", WEIGHS)
def test_other_weights_sum_values_as_the_twin_does(name: str, size: str, groups: str, mode: str) -> None:
    q, k, v = (x.requires_grad_() for x in inputs(size, groups))
    arguments = {**how(mode, q, k), "weigh": WEIGHS[name](q, k.shape[2])}
    fast, plain = attend(q, k, v, **arguments), attend_plain(q, k, v, **arguments)
    torch.testing.assert_close(fast, plain, atol=1e-6, rtol=0)
    weights = attention_weights(q, k, **arguments)
    torch.testing.assert_close(weights @ v.repeat_interleave(q.shape[1] // k.shape[1], 1), fast, atol=1e-6, rtol=0)
    upstream = torch.randn_like(fast)
    for a, b in zip(*(torch.autograd.grad(out, (q, k, v), upstream, allow_unused=True) for out in (fast, plain)), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.isfinite().all()
            torch.testing.assert_close(a, b, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("name", WEIGHS)
def test_other_weights_in_bf16(name: str) -> None:
    q, k, v = inputs("long", "grouped", torch.bfloat16)
    allow = torch.rand(2, 1, 66, 66) < 0.6
    allow[0, 0, 5] = False
    weigh = WEIGHS[name](q, 66)
    fast, plain = attend(q, k, v, allow=allow, weigh=weigh), attend_plain(q, k, v, allow=allow, weigh=weigh)
    assert fast.dtype == plain.dtype == torch.bfloat16
    torch.testing.assert_close(fast, plain, atol=0.02, rtol=0.01)
    if not name.startswith("drawn"):
        assert (fast[0, :, 5] == 0).all()


@pytest.mark.parametrize("name", ["argmax", "drawn"])
def test_hard_weights_pick_values_without_a_product(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = inputs("long", "grouped")
    at = attention_scores(q, k).argmax(-1) if name == "argmax" else drawing(q, 66)
    weigh = ops.argmax if name == "argmax" else partial(ops.drawn, at=at)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", None)
    monkeypatch.setattr(Tensor, "__matmul__", lambda a, b: torch.matmul(a, b) if b.shape[-2] == WIDTH else pytest.fail("a product"))
    found = attend(q, k, v, weigh=weigh)
    monkeypatch.undo()
    for b, h, i in ((0, 0, 0), (1, 3, 65), (0, 2, 31), (1, 1, 7)):
        slot = int(at[b, h, i])
        assert torch.equal(found[b, h, i], v[b, h // 2, slot] if slot >= 0 else torch.zeros(WIDTH))


@pytest.mark.parametrize("name", WEIGHS)
def test_dropout_reaches_other_weights(name: str) -> None:
    q, k = torch.randn(2, 4, 40, 8), torch.randn(2, 4, 40, 8)
    eye, weigh = torch.eye(40).expand(2, 4, 40, 40), WEIGHS[name](q, 40)
    whole, some = attend(q, k, eye, weigh=weigh), attend(q, k, eye, weigh=weigh, dropout=0.5)
    kept, given = some != 0, whole != 0
    torch.testing.assert_close(some[kept], whole[kept] / 0.5)
    assert not kept[~given].any()
    assert abs(kept.sum() / given.sum() - 0.5) < 0.12


@pytest.mark.parametrize("mode", MODES)
def test_scores_are_those_that_weights_are_made_of(mode: str) -> None:
    q, k, _ = inputs("tiny", "grouped")
    arguments = how(mode, q, k)
    scores, weights = attention_scores(q, k, **arguments), attention_weights(q, k, **arguments)
    assert torch.equal(scores.softmax(-1).nan_to_num(0.0), weights)
    hidden = scores == -torch.inf
    assert torch.equal(hidden.all(-1), weights.sum(-1) == 0)
    bare = {key: x for key, x in arguments.items() if key not in ("allow", "causal")}
    assert torch.equal(scores[~hidden], attention_scores(q, k, **bare)[~hidden])
    assert hidden.any() == (mode not in ("open", "bias"))


def test_attention_to_nothing_is_nothing() -> None:
    q, k, v = torch.randn(1, 2, 3, 8), torch.randn(1, 2, 0, 8), torch.randn(1, 2, 0, 8)
    for weigh in (ops.argmax, ops.sparsemax, partial(ops.drawn, at=torch.full((1, 2, 3), -1))):
        assert torch.equal(attend(q, k, v, weigh=weigh), torch.zeros(1, 2, 3, 8))
