"""FlexAttention says of every pair what the plain twin says, and is chosen on CUDA alone, where nothing else fuses a mask."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from limelight import ops
from limelight.ops import attend, attend_plain, attention_scores, windowed
from limelight.ops.attend import _together
from limelight.ops.flex import flex, flex_serves, mask_mod, score_mod

B, H, QUERIES, KEYS = 2, 4, 6, 9
UNCOMPILED = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")


def padded(keys: int) -> Tensor:
    """The second row has a third of the tokens, at the end."""
    return (torch.arange(keys) >= torch.tensor([[0], [keys - keys // 3]]))[:, None, None]


def said(queries: int, keys: int) -> dict[str, dict[str, Any]]:
    """What may be said of pairs, by tensors of every shape that `attend` takes."""
    pairs = torch.rand(B, 1, queries, keys) < 0.6
    pairs[0, 0, 0] = False
    slots, after = torch.arange(keys), torch.arange(keys - queries, keys)
    return {
        "nothing": {},
        "padding": {"allow": padded(keys)},
        "pairs": {"allow": pairs},
        "one_map": {"allow": pairs[1, 0]},
        "by_head": {"allow": torch.rand(1, H, 1, keys) < 0.7},
        "alibi": {"bias": ops.alibi(H, after, slots)},
        "buckets": {"bias": torch.randn(1, H, queries, keys)},
        "bias_and_padding": {"bias": torch.randn(1, H, queries, keys), "allow": padded(keys)},
        "number": {"bias": torch.randn(1, 1, 1, 1)},
    }


KINDS = list(said(QUERIES, KEYS))
ORDERS = [(False, None), (True, None), (True, 3), (False, 2), (True, 1)]


def hidden(queries: int, keys: int, causal: bool, window: int | None) -> Tensor:
    """The same by masks, dense."""
    rule = (ops.causal if causal else ops.everything) & (ops.everything if window is None else ops.window(window))
    return rule.dense(torch.arange(keys - queries, keys), torch.arange(keys))


def both(allow: Tensor | None, order: Tensor) -> Tensor:
    return order if allow is None else allow & order


@pytest.mark.parametrize(("causal", "window"), ORDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_single_numbers_are_those_of_the_plain_twin(kind: str, causal: bool, window: int | None) -> None:
    """Each score, by its row, head, query and key."""
    q, k = torch.randn(B, H, QUERIES, 8), torch.randn(B, H, KEYS, 8)
    how = said(QUERIES, KEYS)[kind]
    order = hidden(QUERIES, KEYS, causal, window)
    wanted = attention_scores(q, k, bias=how.get("bias"), allow=both(how.get("allow"), order))
    at = torch.meshgrid(*map(torch.arange, wanted.shape), indexing="ij")
    found, change = q @ k.mT * 8**-0.5, score_mod(how.get("allow"), how.get("bias"))
    assert (change is None) == (kind == "nothing")
    found = found if change is None else change(found, *at)
    found = found.where(mask_mod(QUERIES, KEYS, causal=causal, window=window)(*at), -torch.inf)
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)


@UNCOMPILED
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("kind", "causal", "window"),
    [("padding", True, None), ("bias_and_padding", True, None), ("alibi", True, 20), ("padding", False, 7), ("pairs", False, None)],
)
def test_it_is_attention(kind: str, causal: bool, window: int | None, dtype: torch.dtype) -> None:
    """torch's own reading of them, uncompiled; blind rows and shared keys among them."""
    queries, keys = 130, 150
    q, k, v = (torch.randn(B, heads, n, w).to(dtype) for heads, n, w in ((H, queries, 16), (2, keys, 16), (2, keys, 24)))
    how = said(queries, keys)[kind]
    how = {name: x.to(dtype) if name == "bias" else x for name, x in how.items()}
    wanted = attend_plain(q, k, v, bias=how.get("bias"), allow=both(how.get("allow"), hidden(queries, keys, causal, window)), scale=0.4)
    found = flex(q, k, v, causal=causal, window=window, scale=0.4, **how)
    assert found.dtype == dtype
    torch.testing.assert_close(found, wanted, atol=2e-6 if dtype == torch.float32 else 0.06, rtol=0)      # the twin rounds its scores


@UNCOMPILED
def test_autocast_is_heard() -> None:
    q = torch.randn(1, 2, 20, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert flex(q, q, q, causal=True).dtype == torch.bfloat16


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What flex would be asked."""
    asked: list[dict[str, Any]] = []

    def noted(q: Tensor, k: Tensor, v: Tensor, **how: Any) -> Tensor:
        asked.append(how)
        return q.new_empty(*q.shape[:3], v.shape[3])

    for name in ("attend", "windowed"):
        monkeypatch.setattr(importlib.import_module(f"limelight.ops.{name}"), "flex", noted)
    return asked


def absent(device: str) -> AbstractContextManager[object]:
    """Tensors without numbers, on a device that need not be there; those of a CPU have some."""
    return nullcontext() if device == "cpu" else FakeTensorMode()


def on(device: str, queries: int = 200, keys: int = 200, width: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    made = {"device": device, "dtype": torch.bfloat16}
    return tuple(torch.empty(B, heads, n, width, **made) for heads, n in ((H, queries), (2, keys), (2, keys)))


@pytest.mark.parametrize(
    ("how", "sizes", "flexes"),
    [
        ({"causal": True}, (200, 200), False),                                   # torch's kernels know causal order
        ({"causal": True}, (200, 300), True),                                    # but count it from the upper left corner
        ({"causal": True, "allow": (B, 1, 1, 200)}, (200, 200), True),
        ({"causal": True, "bias": (1, H, 200, 200)}, (200, 200), True),
        ({"causal": True, "allow": (B, 1, 1, 100)}, (100, 100), False),          # too short for a block
        ({"allow": (B, 1, 1, 200)}, (200, 200), False),                          # a mask by key is fused
        ({"bias": (1, H, 200, 200)}, (200, 200), False),                         # and so is a bias that is there in whole
        ({"causal": True, "allow": (B, 1, 1, 200), "dropout": 0.1}, (200, 200), False),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_who_is_chosen(how: dict[str, Any], sizes: tuple[int, int], flexes: bool, device: str, calls: list[dict[str, Any]]) -> None:
    with absent(device):
        q, k, v = on(device, *sizes)
        kinds = {"allow": torch.bool, "bias": q.dtype}
        given = {name: torch.empty(x, dtype=kinds[name], device=device) if name in kinds else x for name, x in how.items()}
        out = attend(q, k, v, **given)
    assert (out.shape, out.device.type) == (q.shape, device)
    assert len(calls) == (flexes and device == "cuda")


@pytest.mark.parametrize(("device", "n"), [("cpu", 100), ("cpu", 400), ("cuda", 400)])
def test_windows_are_blocks_that_are_skipped(n: int, device: str, calls: list[dict[str, Any]]) -> None:
    with absent(device):
        q, k, v = on(device, n, n)
        keep = torch.empty(B, 1, 1, n, dtype=torch.bool, device=device)
        out = windowed(q, k, v, window=5, keep=keep, causal=True, scale=0.5)
    assert (out.shape, out.device.type) == (q.shape, device)
    assert calls == ([] if device == "cpu" else [{"allow": keep, "causal": True, "window": 5, "scale": 0.5}])


def test_a_bias_that_learns_and_narrow_heads_are_left_to_others() -> None:
    with FakeTensorMode():
        q, k, v = on("cuda")
        bias = torch.empty(1, H, 200, 200, device="cuda", requires_grad=True)
        assert flex_serves(q, k, v)
        assert not flex_serves(q, k, v, bias)
        assert flex_serves(q, k, v, bias.detach())
        assert not flex_serves(*on("cuda", width=8))
        assert not flex_serves(*on("cpu"))


@pytest.mark.parametrize("masked", [False, True])
def test_heads_of_a_group_ask_together(masked: bool) -> None:
    q, k, v = torch.randn(B, H, 1, 8), torch.randn(B, 2, KEYS, 8), torch.randn(B, 2, KEYS, 6)
    allow = padded(KEYS) if masked else None
    torch.testing.assert_close(_together(q, k, v, allow, 0.3), attend_plain(q, k, v, allow=allow, scale=0.3), atol=1e-6, rtol=0)


def test_keys_are_not_copied_for_each_head_on_a_gpu() -> None:
    """Of one query, with a mask: no tensor as large as the keys of all heads is made."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Sizes(TorchDispatchMode):
        largest = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            made = [each for each in (out if isinstance(out, tuple) else (out,)) if isinstance(each, Tensor)]
            self.largest = max([self.largest, *(each.numel() for each in made)])
            return out

    with FakeTensorMode(), Sizes() as seen:
        q, k, v = on("cuda", 1, 500)
        seen.largest = 0
        attend(q, k, v, allow=torch.ones(B, 1, 1, 500, dtype=torch.bool, device="cuda"))
    assert seen.largest < k.numel() * 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("kind", ["padding", "bias_and_padding"])
@pytest.mark.parametrize("learns", [False, True])
def test_on_a_gpu(kind: str, learns: bool) -> None:
    q, k, v = (torch.randn(B, heads, n, 64, device="cuda", requires_grad=learns) for heads, n in ((H, 300), (2, 400), (2, 400)))
    how = {name: x.cuda() for name, x in said(300, 400)[kind].items()}
    found, wanted = flex(q, k, v, causal=True, **how), attend_plain(q, k, v, causal=True, **how)
    torch.testing.assert_close(found, wanted, atol=2e-3, rtol=0)
    if learns:
        slopes = [torch.autograd.grad(out.square().sum(), (q, k, v)) for out in (found, wanted)]
        torch.testing.assert_close(*slopes, atol=2e-2, rtol=1e-2)
