"""A stack that tells order and padding apart, as on a GPU, says what one with a map of pairs says, and is looked at alike."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from specs import MODELS, bound, build, tokens
from torch import Tensor

import limelight.ops.flex
from limelight.look import trace
from limelight.nn import Sight

N = 40
FLEX = limelight.ops.flex


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("name", ["decoder_learned", "decoder_alibi", "decoder_buckets", "decoder_grouped"])
def test_prompts_with_padding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = build(MODELS[name]), tokens(2, N)
    keep = torch.arange(N) >= torch.tensor([[0], [N // 3]])
    sights: list[Sight] = []
    model.decoder.blocks[0].register_forward_hook(lambda _module, args, _out: sights.append(args[2]))

    def run() -> tuple[Tensor, list[Tensor]]:
        with torch.inference_mode(), trace(model) as seen:
            out = model.decode(given, keep=keep, cache=model.new_cache())
            return out[keep], [seen[each].weights() for each in seen]

    wanted, maps = run()
    monkeypatch.setattr(FLEX, "DEVICES", {"cpu"})
    monkeypatch.setattr(FLEX, "BLOCK", 16)
    monkeypatch.setattr(FLEX, "NARROWEST", 1)
    calls, attend = list[dict[str, Any]](), importlib.import_module("limelight.ops.attend")
    monkeypatch.setattr(attend, "flex", lambda *given, **how: calls.append(how) or FLEX.flex(*given, **how))
    found, same = run()
    assert len(calls) == len(maps)
    assert [sight.causal for sight in sights] == [False, True]
    assert sights[1].allow.shape == (2, 1, 1, N)
    torch.testing.assert_close(found, wanted, atol=bound(torch.float32), rtol=0)
    for a, b in zip(same, maps, strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=0)


def test_a_bias_that_learns_is_one_map_for_all_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FLEX, "DEVICES", {"cpu"})
    monkeypatch.setattr(FLEX, "BLOCK", 16)
    model, sights = build(MODELS["decoder_buckets"]), list[Any]()
    for block in model.decoder.blocks:
        block.register_forward_hook(lambda _module, args, _out: sights.append(args[2]))
    model.decode(tokens(2, N), keep=torch.ones(2, N, dtype=torch.bool))
    assert sights[0].allow.shape == (2, 1, N, N)
    assert sights[0] is sights[1]
