"""Hidden states: those that transformers gives, for the price of references, and nothing changes by looking."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

import opinionated as tiny
from limelight.errors import TraceError
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.look.states import states
from published import pair

NAMES = (
    "bert-ForMaskedLM", "roberta-Model", "distilbert-ForMaskedLM", "gpt2-LMHeadModel", "gpt_neo-ForCausalLM", "opt-ForCausalLM",
    "llama-ForCausalLM", "qwen3-ForCausalLM", "t5-EncoderModel", "xglm-Model",
)  # fmt: skip
IDS = torch.tensor([[0, 5, 9, 14, 20, 7, 2], [0, 8, 8, 30, 2, 1, 1]])
KEEP = IDS != 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("states")


@pytest.mark.parametrize("name", NAMES)
def test_they_are_those_of_transformers(name: str, folder: Path) -> None:
    both = pair(name, folder)
    with torch.no_grad():
        wanted = both.theirs(input_ids=IDS, attention_mask=KEEP.long(), output_hidden_states=True).hidden_states
        with states(both.ours) as seen:
            both.ours.hidden(Batch(IDS, KEEP))
    assert len(seen) == len(wanted)
    for ours, theirs in zip(seen, wanted, strict=True):
        assert torch.allclose(ours[KEEP], theirs[KEEP], atol=2e-5)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_either_side_of_two(side: str, folder: Path) -> None:
    both = pair("bart-ForConditionalGeneration", folder)
    with torch.no_grad():
        out = both.theirs(input_ids=IDS, attention_mask=KEEP.long(), decoder_input_ids=IDS, output_hidden_states=True)
        with states(both.ours, side) as seen:
            both.ours.decode(IDS, memory=both.ours.encode(Batch(IDS, KEEP)))
    wanted = out[f"{side}_hidden_states"]
    assert len(seen) == len(wanted)
    for ours, theirs in zip(seen, wanted, strict=True):
        assert torch.allclose(ours[KEEP], theirs[KEEP], atol=2e-5)
    assert len(seen) == {"encoder": 3, "decoder": 4}[side]


def test_looking_changes_nothing_and_leaves_nothing_behind() -> None:
    model = tiny.lm()
    batch = pad(tiny.sources(0))
    before = model.hidden(batch)
    with states(model) as seen:
        within = model.hidden(batch)
    assert torch.equal(before, within)
    assert torch.equal(before, model.hidden(batch))
    assert torch.equal(seen[-1], before)
    assert not any(module._forward_hooks for module in model.modules())


def test_the_newest_input_of_this_thread_is_shown() -> None:
    model = tiny.lm()
    one, other = Batch(torch.tensor([[3, 4, 5]])), Batch(torch.tensor([[6, 7]]))
    with states(model) as seen:
        model.hidden(one)
        model.hidden(other)
        assert [tuple(each.shape[:2]) for each in seen] == [(1, 2)] * 3
        thread = threading.Thread(target=model.hidden, args=(one,))
        thread.start()
        thread.join()
        assert len(seen) == 3
        assert torch.equal(seen[-1], model.hidden(other))


def test_a_look_that_fails_is_closed_and_a_side_that_is_not_there_refused() -> None:
    model = tiny.lm()
    with pytest.raises(ZeroDivisionError), states(model):
        raise ZeroDivisionError
    assert not any(module._forward_hooks for module in model.modules())
    with pytest.raises(TraceError, match="lm has no encoder"), states(model, "encoder"):
        pass
