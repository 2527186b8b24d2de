"""Windowed attention: its chunks give what one mask gives, forward and back, and no map of queries x keys is made for them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from limelight import ops
from limelight.ops import attend_plain, windowed
from limelight.ops.windowed import CHUNK


def inputs(n: int, groups: int = 2, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(2, 4, n, 8).to(dtype), torch.randn(2, groups, n, 8).to(dtype), torch.randn(2, groups, n, 6).to(dtype)


def mask(n: int, window: int, causal: bool, keep: Tensor | None) -> Tensor:
    slots = torch.arange(n)
    rule = ops.window(window) & (ops.causal if causal else ops.everything)
    seen = rule.dense(slots, slots)
    return seen if keep is None else seen & keep


def left_padded(n: int) -> Tensor:
    """The second row has half the tokens, at the end."""
    return (torch.arange(n) >= torch.tensor([[0], [(n + 1) // 2]]))[:, None, None]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("n", "window"), [(1, 1), (7, 3), (CHUNK, 5), (CHUNK + 1, 1), (300, 20), (300, CHUNK + 9), (150, 400)])
def test_chunks_are_one_mask(n: int, window: int, padded: bool, causal: bool) -> None:
    q, k, v = inputs(n)
    keep = left_padded(n) if padded else None
    wanted = attend_plain(q, k, v, allow=mask(n, window, causal, keep))
    torch.testing.assert_close(windowed(q, k, v, window=window, keep=keep, causal=causal), wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("groups", [4, 1])
def test_heads_share_keys_and_scores_are_scaled(groups: int) -> None:
    q, k, v = inputs(130, groups)
    wanted = attend_plain(q, k, v, allow=mask(130, 7, True, None), scale=0.9)
    torch.testing.assert_close(windowed(q, k, v, window=7, causal=True, scale=0.9), wanted, atol=1e-5, rtol=0)


def test_who_may_see_nothing_gets_nothing() -> None:
    q, k, v = inputs(200)
    found = windowed(q, k, v, window=4, keep=left_padded(200), causal=True)
    assert (found[1, :, :100] == 0).all()
    assert (found[1, :, 100:] != 0).any(-1).all()


@pytest.mark.parametrize("causal", [False, True])
def test_gradients_are_those_of_one_mask(causal: bool) -> None:
    given = [x.double().requires_grad_() for x in inputs(150)]
    keep, upstream = left_padded(150), torch.randn(2, 4, 150, 6, dtype=torch.float64)
    ways = windowed(*given, window=9, keep=keep, causal=causal), attend_plain(*given, allow=mask(150, 9, causal, keep))
    found, wanted = (torch.autograd.grad(out, given, upstream) for out in ways)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_dropout_drops_weights() -> None:
    q, k, _ = inputs(300, 4)
    ones = torch.ones(2, 4, 300, 6)
    sums = windowed(q, k, ones, window=20, dropout=0.5)
    assert sums.std() > 0.05
    assert sums.mean() == pytest.approx(1, abs=0.05)


class Largest(TorchDispatchMode):
    """Keeps the bytes of the largest tensor that was made."""

    most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for each in out if isinstance(out, tuple | list) else (out,):
            if isinstance(each, Tensor):
                self.most = max(self.most, each.nbytes)
        return out


@pytest.mark.parametrize("causal", [False, True])
def test_memory_grows_with_the_length(causal: bool) -> None:
    most = []
    for n in (1024, 2048, 4096):
        q, k, v = inputs(n)
        with Largest() as largest:
            windowed(q, k, v, window=16, causal=causal)
        most.append(largest.most)
    assert most[2] / most[0] == pytest.approx(4, rel=0.1)
    assert most[2] < 4096 * 4096


@pytest.mark.parametrize(("n", "window", "pays"), [(255, 8, False), (256, 8, True), (511, 128, False), (512, 128, True)])
def test_it_pays_from_four_chunks_on(n: int, window: int, pays: bool) -> None:
    assert ops.windowed_pays(n, window) is pays
