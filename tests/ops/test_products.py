"""Attention in products written out by hand against its plain twin, there and back."""

from __future__ import annotations

import sys
from functools import partial

import pytest
import torch
from torch import Tensor

from limelight.ops import attend, attend_plain, products
from limelight.ops.products import attend_products

SCALE = 0.3


def given(queries: int, keys: int, dtype: torch.dtype = torch.float64, groups: int = 3) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = ((2, 3, queries, 4), (2, groups, keys, 4), (2, groups, keys, 5))
    return [torch.randn(*shape).to(dtype).requires_grad_() for shape in shapes]


def learnt(way, made: list[Tensor]) -> tuple[Tensor, ...]:
    """The output, and gradients of something that weighs its parts apart."""
    out = way(*made)
    pull = torch.linspace(-1, 1, out.numel()).view(out.shape)
    return out.detach().float(), *(x.float() for x in torch.autograd.grad((out.float() * pull).sum(), made))


@pytest.mark.parametrize("size", [1, 2, 5, 128])
@pytest.mark.parametrize("causal", [True, False])
def test_gradients_are_those_of_the_output(size: int, causal: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(products, "BLOCK", size)
    assert torch.autograd.gradcheck(partial(attend_products, scale=SCALE, causal=causal), given(5, 5))


MASKS = {"rows": (2, 1, 1, 9), "heads": (1, 3, 1, 9), "pairs": (9, 9), "all": (2, 3, 9, 9), "one for all": (1, 1, 9, 1)}


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("size", [4, 128])
@pytest.mark.parametrize("name", MASKS)
def test_masks_hide_keys_and_a_blind_query_takes_nothing(name: str, size: int, causal: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(products, "BLOCK", size)
    made, how = given(9, 9), {"scale": SCALE, "causal": causal}
    allow = torch.rand(MASKS[name], generator=torch.Generator().manual_seed(3)) < 0.5
    allow[..., 0, :] = False
    found, wanted = (learnt(partial(way, allow=allow, **how), made) for way in (attend_products, attend_plain))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert not found[0][..., 0, :].any()
    assert torch.autograd.gradcheck(partial(attend_products, allow=allow, **how), made)


@pytest.mark.parametrize("causal", [True, False])
def test_with_dropout_gradients_are_those_of_the_output(causal: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(products, "BLOCK", 3)

    def seeded(*made: Tensor) -> Tensor:
        torch.manual_seed(4)
        return attend_products(*made, scale=SCALE, causal=causal, dropout=0.5)

    made = given(7, 7)
    assert torch.autograd.gradcheck(seeded, made)
    assert not torch.allclose(seeded(*made), attend_products(*made, scale=SCALE, causal=causal))


@pytest.mark.parametrize("causal", [True, False])
def test_dropout_leaves_weights_out_and_scales_up_the_rest(causal: bool):
    q, k, _ = given(150, 150)
    eye = torch.eye(150, dtype=q.dtype).expand(2, 3, 150, 150)       # with these values, what comes out is the weights
    some = attend_products(q, k, eye, scale=SCALE, causal=causal, dropout=0.25)
    whole = attend_plain(q, k, eye, scale=SCALE, causal=causal)
    dropped = (some == 0) & (whole > 0)
    torch.testing.assert_close(some[~dropped], whole[~dropped] / 0.75)
    assert abs(dropped.sum() / (whole > 0).sum() - 0.25) < 0.01


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("queries", "keys", "causal"), [(1, 1, True), (9, 9, True), (9, 9, False), (3, 8, False), (8, 3, False), (150, 150, True)]
)
def test_it_is_its_plain_twin(dtype: torch.dtype, queries: int, keys: int, causal: bool, monkeypatch: pytest.MonkeyPatch):
    made = given(queries, keys, dtype)
    wanted = learnt(partial(attend_plain, scale=SCALE, causal=causal), made)
    for size in (4, 128):
        monkeypatch.setattr(products, "BLOCK", size)
        torch.testing.assert_close(learnt(partial(attend_products, scale=SCALE, causal=causal), made), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("autocast", [True, False])
@pytest.mark.parametrize("causal", [True, False])
def test_in_bfloat16_it_is_as_near_as_its_twin(causal: bool, autocast: bool):
    exact = learnt(partial(attend_plain, scale=SCALE, causal=causal), given(200, 200, torch.float32))
    made = given(200, 200, torch.float32 if autocast else torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        ours, plain = (learnt(partial(way, scale=SCALE, causal=causal), made) for way in (attend_products, attend_plain))
    for mine, theirs, wanted in zip(ours, plain, exact, strict=True):
        off, usual = ((x - wanted).norm() / wanted.norm() for x in (mine, theirs))
        assert off < 1.5 * usual + 1e-3
        assert off < 2e-2


@pytest.mark.parametrize("groups", [3, 1])
def test_attend_takes_it_where_rows_are_short_and_learn(groups: int, monkeypatch: pytest.MonkeyPatch):
    calls = []
    watched = sys.modules[attend.__module__]
    monkeypatch.setattr(watched, "attend_products", lambda *a, **how: calls.append(how) or attend_products(*a, **how))
    made = given(6, 6, torch.float32, groups)
    torch.testing.assert_close(learnt(partial(attend, causal=True), made), learnt(partial(attend_plain, causal=True), made))
    assert calls == [{"scale": 0.5, "allow": None, "causal": True, "dropout": 0.0}]
    attend(*made, bias=torch.zeros(6, 6))
    attend(*given(60, 60, torch.float32))                      # longer than pays in float32
    attend(*given(3, 6, torch.float32), causal=True)           # the last query faces the last key: not by these blocks
    with torch.no_grad():
        attend(*made)
    assert len(calls) == 1
    attend(*given(60, 60, torch.float32), dropout=0.1)         # but for dropout the fused kernel has no way of its own
    hidden = torch.rand(2, 1, 1, 6) < 0.5
    attend(*made, allow=hidden, dropout=0.1)
    assert [how["dropout"] for how in calls[1:]] == [0.1, 0.1]
    assert calls[2]["allow"] is hidden
