"""The native attention against ops.attend_plain in float64, and its bits against its own in other company."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from limelight import ops
from limelight.errors import InputError
from limelight.native import library
from limelight.native.attention import Pages, attend, serves

pytestmark = pytest.mark.usefixtures("native")

CLOSE = {torch.float32: 2e-6, torch.bfloat16: 6e-3}          # relative L2; bfloat16 rounds queries, weights and answers


@pytest.fixture(params=["float32", "bfloat16 in pairs", "bfloat16 widened"])
def dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    """A format, and for bfloat16 how it is multiplied, whatever this processor does better."""
    name, _, how = request.param.partition(" ")
    lib = library()
    assert lib is not None
    lib.limelight_pairs({"": -1, "in pairs": 1, "widened": 0}[how])
    yield getattr(torch, name)
    lib.limelight_pairs(-1)


def drawn(dtype: torch.dtype, *, b: int = 2, h: int = 4, g: int = 4, n: int = 40, slots: int | None = None, d: int = 64) -> list[Tensor]:
    return [torch.randn(shape).to(dtype) for shape in ((b, h, n, d), (b, g, slots or n, d), (b, g, slots or n, d))]


def exact(q: Tensor, k: Tensor, v: Tensor, *, window: int | None = None, **how: Any) -> Tensor:
    """The plain twin in float64."""
    queries, slots = q.shape[2], k.shape[2]
    if window is not None:
        near = ops.window(window).dense(torch.arange(slots - queries, slots), torch.arange(slots))
        how["allow"] = near if how.get("allow") is None else near & how["allow"]
    return ops.attend_plain(q.double(), k.double(), v.double(), **how)


def error(got: Tensor, want: Tensor) -> float:
    return float((got.double() - want).norm() / want.norm())


MASKS: dict[str, dict[str, Any]] = {
    "all": {},
    "causal": {"causal": True},
    "window": {"window": 9},
    "causal window": {"window": 30, "causal": True},
    "keep": {"allow": True},
    "keep, causal, window": {"allow": True, "causal": True, "window": 50},
    "bias": {"bias": True},
    "bias, keep, causal": {"bias": True, "allow": True, "causal": True, "scale": 0.3},
    "negative scale": {"scale": -0.2, "causal": True},
    "no scale": {"scale": 0.0, "allow": True},
}
SIZES = [
    {"n": 1, "slots": 300},
    {"n": 40},
    {"n": 130, "slots": 270, "d": 128},
    {"n": 7, "slots": 33, "h": 6, "g": 2, "d": 24},
    {"n": 1, "slots": 150, "h": 3, "g": 1, "d": 80},
    {"n": 1, "slots": 140, "h": 12, "g": 2, "d": 48},
    {"n": 5, "slots": 20},
    {"n": 50, "slots": 50, "d": 7},
]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_agrees_with_the_plain_twin(dtype: torch.dtype, mask: str, size: dict[str, int]) -> None:
    q, k, v = drawn(dtype, **size)
    how = dict(MASKS[mask])
    if "allow" in how:
        how["allow"] = torch.rand(len(q), 1, 1, k.shape[2]) > 0.4
    if "bias" in how:
        how["bias"] = 2 * torch.randn(1, q.shape[1], q.shape[2], k.shape[2])
    assert error(attend(q, k, v, **how), exact(q, k, v, **how)) < CLOSE[dtype]


@pytest.mark.parametrize("d", [1, 5, 8, 16, 31, 33, 40, 48, 96, 100, 112, 136, 256])
def test_any_width(dtype: torch.dtype, d: int) -> None:
    for n in (1, 20):
        q, k, v = drawn(dtype, n=n, slots=70, d=d)
        assert error(attend(q, k, v, causal=True), exact(q, k, v, causal=True)) < CLOSE[dtype]


def test_a_query_that_sees_nothing_gives_zeros(dtype: torch.dtype) -> None:
    q, k, v = drawn(dtype, n=20)
    keep = torch.ones(2, 1, 1, 20, dtype=torch.bool)
    keep[0, ..., :5] = False
    keep[1] = False
    out = attend(q, k, v, allow=keep, causal=True)
    assert error(out[0], exact(q, k, v, allow=keep, causal=True)[0]) < CLOSE[dtype]
    assert (out[0, :, :5] == 0).all()
    assert (out[1] == 0).all()
    assert (attend(q, k, v, bias=torch.full((1, 1, 1, 20), -torch.inf)) == 0).all()


def test_more_queries_than_keys_leaves_the_first_blind(dtype: torch.dtype) -> None:
    q, k, v = drawn(dtype, n=9, slots=4)
    out = attend(q, k, v, causal=True)
    assert (out[:, :, :5] == 0).all()
    assert error(out, exact(q, k, v, causal=True)) < CLOSE[dtype]


def test_no_keys_at_all(dtype: torch.dtype) -> None:
    q, k, v = drawn(dtype, n=3)
    assert (attend(q, k[:, :, :0], v[:, :, :0]) == 0).all()


def paged(x: Tensor, order: Tensor, size: int) -> Tensor:
    """Keys (b g n d) as a pool of pages (pages g size d), a row's pages in the order given."""
    b, g, n, d = x.shape
    pool = torch.full((int(order.max()) + 1, g, size, d), torch.nan, dtype=x.dtype)        # what is not written must not be read
    for row in range(b):
        for t in range(n):
            pool[order[row, t // size], :, t % size] = x[row, :, t]
    return pool


@pytest.mark.parametrize("n", [1, 4, 40])
def test_pages_in_any_order(dtype: torch.dtype, n: int) -> None:
    size, slots, (b, h, g, d) = 16, 150, (3, 4, 2, 32)
    q, k, v = drawn(dtype, b=b, h=h, g=g, n=n, slots=slots, d=d)
    order = torch.randperm(b * 10).reshape(b, 10)
    keys, values = (paged(x, order, size) for x in (k, v))
    heads_of = [x.as_strided((b, g, 1, d), (0, size * d, d, 1)) for x in (keys, values)]
    got = attend(q, *heads_of, causal=True, pages=Pages(order * (g * size * d), size, slots))
    assert torch.equal(got, attend(q, k, v, causal=True))


@pytest.mark.parametrize("mask", ["all", "causal", "causal window", "keep, causal, window"])
def test_equal_bits_alone_and_in_company(dtype: torch.dtype, mask: str) -> None:
    how = dict(MASKS[mask])
    q, k, v = drawn(dtype, h=6, g=2, n=300, d=40)
    keep = torch.rand(2, 1, 1, 300) > 0.3 if how.pop("allow", False) else None
    full = attend(q, k, v, allow=keep, **how, threads=1)
    assert torch.equal(full, attend(q, k, v, allow=keep, **how, threads=2))
    assert torch.equal(full, attend(q, k, v, allow=keep, **how, threads=3))
    one = attend(q[1:], k[1:], v[1:], allow=None if keep is None else keep[1:], **how)
    assert torch.equal(full[1:], one)                                                     # a batch
    for few in (1, 2, 33):                                                                # a shorter call
        assert torch.equal(full[:, :, -few:], attend(q[:, :, -few:], k, v, allow=keep, **how))
    for at in (0, 17, 128, 299):                                                          # a query alone, and its keys so far
        upto = at + 1 if how.get("causal") else 300
        if not how.get("causal") and at != 299:
            continue
        alone = attend(q[:, :, at : at + 1], k[:, :, :upto], v[:, :, :upto], allow=None if keep is None else keep[..., :upto], **how)
        assert torch.equal(full[:, :, at : at + 1], alone)
    for head in (0, 5):                                                                   # a head alone, without those that share its keys
        g = head // 3
        single = attend(q[:, head : head + 1], k[:, g : g + 1], v[:, g : g + 1], allow=keep, **how)
        assert torch.equal(full[:, head : head + 1], single)


def test_equal_bits_padded_and_not(dtype: torch.dtype) -> None:
    q, k, v = drawn(dtype, n=60)
    padded = [torch.cat([x, torch.full_like(x[:, :, :30], torch.nan)], 2) for x in (k, v)]    # nobody looks there
    keep = torch.arange(90).lt(60)[None, None, None]
    assert torch.equal(attend(q, *padded, allow=keep), attend(q, k, v))


def test_large_scores(dtype: torch.dtype) -> None:
    q, k, v = drawn(dtype, n=30, slots=200)
    for factor in (1e4, -1e4):
        scores = ops.attention_scores(q.double(), k.double(), scale=factor)
        assert scores.abs().max() > 1e4
        out = attend(q, k, v, scale=factor)
        weights = scores.softmax(-1)
        clear = weights.amax(-1) > 1 - 1e-9                   # float32 scores of this size cannot tell closer ones apart
        assert clear.float().mean() > 0.5
        assert torch.allclose(out[clear].double(), (weights @ v.double())[clear], atol=1e-3, rtol=1e-2)
        assert out.isfinite().all()


@pytest.mark.parametrize("n", [1, 30])
def test_nan_stays_visible(dtype: torch.dtype, n: int) -> None:
    for which in range(3):
        tensors = drawn(dtype, n=n, slots=200)
        tensors[which][0, 1, 0, 3] = torch.nan
        out = attend(*tensors)
        assert out[0, 1, 0, 3].isnan()
        assert out[1].isfinite().all()
        assert out[0, 0].isfinite().all()
    q, k, v = drawn(dtype, n=n, slots=200)
    assert attend(q, k, v, bias=torch.full((1, 1, 1, 200), torch.nan)).isnan().all()
    k[0, 0, 5] = torch.inf
    assert attend(q.abs(), k, v)[0, 0].isnan().all()


def test_views_as_attention_makes_them(dtype: torch.dtype) -> None:
    joint = torch.randn(2, 20, 3 * 64).to(dtype)
    q, k, v = (x.unflatten(-1, (4, 16)).transpose(1, 2) for x in joint.split(64, -1))
    assert torch.equal(attend(q, k, v, causal=True), attend(q.contiguous(), k.contiguous(), v.contiguous(), causal=True))
    mixed = attend(q, k.contiguous(), v.mT.contiguous().mT)
    assert torch.equal(mixed, attend(q, k, v))


def test_what_is_not_served_says_so() -> None:
    q, k, v = drawn(torch.float32)
    assert serves(q, k, v)
    assert not serves(q.double(), k.double(), v.double())
    assert not serves(q.bfloat16(), k, v)
    assert not serves(q, k[..., :8], v[..., :8])
    assert not serves(q, k, v[..., :8])
    assert not serves(q[:, :3], k[:, :2], v[:, :2])
    with pytest.raises(InputError, match="not served"):
        attend(q.requires_grad_(), k, v)
    with torch.no_grad():
        assert serves(q, k, v)
