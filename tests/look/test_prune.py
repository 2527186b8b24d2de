"""Pruning: the model without a head is the model in which it says nothing, and stays so when it is saved, opened and pruned again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight.decode import Beam, Ending, Greedy, generate
from limelight.errors import SpecError, TraceError
from limelight.hub import open_model
from limelight.inputs.batch import pad
from limelight.look import ablate, prune, trace
from limelight.nn import Network, pack_matrices
from limelight.spec import Attention, Model, Recurrent, Stack, Tokens, Words, from_json, to_json
from limelight.spec.costs import cost
from opinionated import END, START
from published import published

TOKENS = torch.tensor([[START, 3, 4, 5, 6]])
ENDING = Ending(frozenset([END]), 6)


def logits(model: Network, tokens: Tensor = TOKENS) -> Tensor:
    with torch.no_grad():
        return model.logits(model.decode(tokens))


@pytest.fixture
def model() -> Network:
    made = tiny.lm(0, heads=4).eval()
    pack_matrices(made)                                              # as prune does
    return made


def test_heads_that_went_one_after_the_other_went_at_once(model: Network) -> None:
    """Heads are numbered anew: what was head 3 is head 2 when head 0 has gone."""
    once = prune(model, {"decoder.0.self": [0, 3], "decoder.1.self": [1]})
    twice = prune(prune(model, {"decoder.0.self": [0]}), {"decoder.0.self": [2], "decoder.1.self": [-3]})
    assert once.spec == twice.spec
    assert torch.equal(logits(once), logits(twice))
    assert once.attentions()["decoder.0.self"].heads == 2
    assert from_json(to_json(once.spec)) == once.spec


def test_the_model_itself_is_left_as_it_was(model: Network) -> None:
    before, spec = logits(model), model.spec
    smaller = prune(model, {"decoder.0.self": [1]})
    with torch.no_grad():
        for each in smaller.parameters():
            each.zero_()
    assert torch.equal(logits(model), before)
    assert model.spec == spec


def test_no_heads_are_the_same_model(model: Network) -> None:
    same = prune(model, {"decoder.0.self": []})
    assert same.spec == model.spec
    assert torch.equal(logits(same), logits(model))


@pytest.mark.parametrize("choice", [Greedy(), Beam(width=3)], ids=lambda choice: type(choice).__name__)
def test_it_writes_what_the_silenced_model_writes(model: Network, choice: Greedy | Beam) -> None:
    """With a cache whose layers have keys of different numbers, and beams that change places."""
    gone = {"decoder.0.self": [0, 1, 2], "decoder.1.self": [3]}
    source = pad([[START, 3], [START, 4, 5]], filler=END, side="left")
    with ablate(model, gone):
        wanted = generate(model, source, choice, ending=ENDING)
    found = generate(prune(model, gone), source, choice, ending=ENDING)
    assert [[h.tokens for h in row] for row in found] == [[h.tokens for h in row] for row in wanted]


def test_what_stays_looks_as_it_did(model: Network) -> None:
    smaller = prune(model, {"decoder.1.self": [0, 2]})
    with trace(model) as whole, trace(smaller) as less:
        logits(model), logits(smaller)
    wanted = whole["decoder.1.self"].weights(heads=[1, 3])
    torch.testing.assert_close(less["decoder.1.self"].weights(), wanted, atol=5e-6, rtol=0)


def test_it_costs_less(model: Network) -> None:
    before, after = (cost(each.spec, 64) for each in (model, prune(model, {"decoder.*": [0, 1]})))
    assert after.attention * 2 == before.attention
    assert after.cache * 2 == before.cache


def test_a_published_folder_keeps_what_was_pruned(tmp_path: Path) -> None:
    published("gpt2-LMHeadModel", tmp_path / "whole")
    opened = open_model(tmp_path / "whole", device="cpu", dtype="fp32")
    smaller = replace(opened, model=prune(opened.model, {"decoder.0.self": [1]}))
    smaller.save(tmp_path / "smaller")
    again = open_model(tmp_path / "smaller", device="cpu", dtype="fp32").model
    assert again.spec == smaller.model.spec
    torch.testing.assert_close(logits(again), logits(smaller.model), atol=5e-6, rtol=0)


def test_our_own_folder_keeps_what_was_pruned(tmp_path: Path) -> None:
    opened = open_model("en-fr", device="cpu", dtype="fp32")
    made = prune(opened.model, {"decoder.0.cross": [0], "encoder.0.self": [2]})
    manifest = replace(opened.manifest, spec=made.spec)
    replace(opened, model=made, manifest=manifest).save(tmp_path / "smaller")
    again = open_model(tmp_path / "smaller", device="cpu", dtype="fp32").model
    state = again.state_dict()
    assert again.spec == made.spec
    assert all(torch.equal(state[name], tensor) for name, tensor in made.state_dict().items())


def grouped() -> Network:
    spec = tiny.lm(0, heads=4).spec
    stack = spec.decoder
    assert isinstance(stack, Stack)
    return Network(replace(spec, decoder=replace(stack, attention=replace(stack.attention, kv_heads=2)))).eval()


@pytest.mark.parametrize("heads", [[0, 1], [0, 3], [1, 2]], ids=str)
def test_groups_go_together_or_lose_as_many(heads: list[int]) -> None:
    model = grouped()
    with ablate(model, {"decoder.1.self": heads}):
        off = logits(model)
    torch.testing.assert_close(logits(prune(model, {"decoder.1.self": heads})), off, atol=5e-6, rtol=0)


def test_groups_that_would_differ_are_refused() -> None:
    with pytest.raises(SpecError, match=r"1\.self would keep 1, 2, of 2 each"):
        prune(grouped(), {"decoder.1.self": [0]})


def test_one_head_stays(model: Network) -> None:
    with pytest.raises(SpecError, match=r"keeps a head at least: 0\.self would lose all of its 4"):
        prune(model, {"decoder.0.self": None})


@pytest.mark.parametrize(("name", "head", "said"), [("decoder.7.self", 0, r"decoder\.7\.self"), ("decoder.0.self", 4, "0 to 3: got 4")])
def test_what_is_not_there_is_refused(model: Network, name: str, head: int, said: str) -> None:
    with pytest.raises(TraceError, match=said):
        prune(model, {name: [head]})


def test_a_recurrent_decoder_is_refused() -> None:
    column = Recurrent(depth=1, input=Tokens(vocab=20))
    looks = replace(column, cross=Attention(heads=1))
    model = Network(Model(family="limelight", dim=8, encoder=column, decoder=looks, heads=(Words(),)))
    with pytest.raises(TraceError, match="decoder is recurrent"):
        prune(model, {"decoder.0.cross": [0]})
