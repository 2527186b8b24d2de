"""Interventions: what is changed is what was named, exactly, and only as long as the block is open."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight.decode import Beam, Ending, Greedy, generate
from limelight.errors import TraceError
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.look import ablate, patch, said, trace
from limelight.nn import Cache, Network
from limelight.spec import Attention, General, Model, Recurrent, Tokens, Words
from opinionated import END, START

ONE, OTHER = torch.tensor([[START, 3, 4, 5, 6]]), torch.tensor([[START, 3, 9, 5, 6]])
ENDING = Ending(frozenset([END]), 6)


@pytest.fixture
def model() -> Network:
    return tiny.lm(0, heads=4)


def logits(model: Network, tokens: Tensor = ONE) -> Tensor:
    with torch.no_grad():
        return model.logits(model.decode(tokens))


def columns(model: Network, name: str, heads: list[int]) -> Network:
    """The same model with zeros in the columns that read these heads."""
    attention = model.attentions()[name]
    with torch.no_grad():
        attention.o.weight.unflatten(1, (attention.heads, -1))[:, heads] = 0.0
    return model


def test_a_head_that_is_off_says_nothing(model: Network) -> None:
    before = logits(model)
    with ablate(model, {"decoder.0.self": [1, -1]}):
        off = logits(model)
    assert torch.equal(logits(model), before)
    torch.testing.assert_close(off, logits(columns(tiny.lm(0, heads=4), "decoder.0.self", [1, 3])), atol=1e-6, rtol=0)
    assert (off - before).abs().max() > 1e-3


@pytest.mark.parametrize(
    "heads", ["decoder.*.self", ["decoder.0.self", "decoder.1.self"], {"decoder.?.self": None}, {"decoder.*": range(4)}], ids=str
)
def test_heads_are_named_in_several_ways(model: Network, heads: object) -> None:
    with ablate(model, heads):
        off = logits(model)
    bare = columns(columns(tiny.lm(0, heads=4), "decoder.0.self", [0, 1, 2, 3]), "decoder.1.self", [0, 1, 2, 3])
    torch.testing.assert_close(off, logits(bare), atol=1e-6, rtol=0)


def test_no_heads_change_no_bit(model: Network) -> None:
    before = logits(model)
    with ablate(model, {}), ablate(model, {"decoder.0.self": []}):
        assert torch.equal(logits(model), before)


def test_places_are_those_that_ask(model: Network) -> None:
    before = logits(model)
    with ablate(model, {"decoder.1.self": None}, places=[2, 4]):
        off = logits(model)
    changed = (off - before).abs().amax(-1)[0] > 0
    assert changed.tolist() == [False, False, True, False, True]              # the last layer: nobody else hears of it


def test_steps_with_a_cache_are_the_whole_at_once(model: Network) -> None:
    for places in (None, [1, 3]):
        with ablate(model, {"decoder.0.self": [0]}, places=places):
            whole, cache = logits(model), Cache(2)
            with torch.no_grad():
                steps = [model.logits(model.decode(ONE[:, t : t + 1], cache=cache)) for t in range(5)]
        torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=0)


def test_what_heads_say_is_heard_whole_and_changes_nothing(model: Network) -> None:
    before, cache = logits(model), Cache(2)
    with said(model) as whole:
        assert torch.equal(logits(model), before)
    with said(model, "decoder.1.*") as steps, torch.no_grad():
        for t in range(5):
            model.decode(ONE[:, t : t + 1], cache=cache)
    assert whole["decoder.1.self"].shape == (1, 5, 4, 4)
    torch.testing.assert_close(steps["decoder.1.self"], whole["decoder.1.self"], atol=1e-5, rtol=0)
    with trace(model) as seen:
        logits(model)
    view = seen["decoder.0.self"]
    values = view.looks[0].v                                                   # weights times values is what a head says
    torch.testing.assert_close(whole["decoder.0.self"].transpose(1, 2), view.weights() @ values, atol=1e-5, rtol=0)


def test_the_mean_in_place_of_nothing(model: Network) -> None:
    with said(model) as clean:
        logits(model)
    mean = clean.mean("decoder.0.self")
    with ablate(model, {"decoder.0.self": [2]}, to=clean), said(model) as heard:
        logits(model, OTHER)
    found = heard["decoder.0.self"]
    assert torch.equal(found[0, :, 2], mean[2].expand(5, -1))
    with said(model) as alone:
        logits(model, OTHER)
    assert torch.equal(found[:, :, [0, 1, 3]], alone["decoder.0.self"][:, :, [0, 1, 3]])


def test_patched_with_all_that_was_said_it_says_the_same_after_it(model: Network) -> None:
    """What differs between two texts reaches the last place through heads alone: all of them mended, the answer is the clean one."""
    clean, other = logits(model), logits(model, OTHER)
    with said(model) as heard:
        logits(model)
    with patch(model, heard, "decoder.*.self"):
        mended = logits(model, OTHER)
    assert (clean[:, -1] - other[:, -1]).abs().max() > 1e-3
    torch.testing.assert_close(mended[:, [0, 1, 3, 4]], clean[:, [0, 1, 3, 4]], atol=1e-5, rtol=0)
    assert (mended[:, 2] - clean[:, 2]).abs().max() > 1e-3                      # but for the place of the other word itself
    with patch(model, heard, {"decoder.1.self": [1]}, places=[4]), said(model) as after:
        partly = logits(model, OTHER)
    assert torch.equal(after["decoder.1.self"][0, 4, 1], heard["decoder.1.self"][0, 4, 1])
    assert torch.equal(partly[:, :4], other[:, :4])


def test_beams_of_one_sentence_keep_their_rows() -> None:
    model, rows = tiny.seq2seq(1, end=-30, heads=4), tiny.sources(1)
    before = generate(model, pad(rows), Beam(width=3), ending=ENDING, start=START)
    with ablate(model, {"decoder.*.cross": [2], "encoder.*": [0]}):
        found = generate(model, pad(rows), Beam(width=3), ending=ENDING, start=START)
    again = generate(model, pad(rows), Beam(width=3), ending=ENDING, start=START)
    assert [h.tokens for each in again for h in each] == [h.tokens for each in before for h in each]
    bare = tiny.seq2seq(1, end=-30, heads=4)
    for name in bare.attentions():
        if not name.endswith("self") or name.startswith("encoder"):
            columns(bare, name, [0] if name.startswith("encoder") else [2])
    wanted = generate(bare, pad(rows), Beam(width=3), ending=ENDING, start=START)
    assert [h.tokens for each in found for h in each] == [h.tokens for each in wanted for h in each]


def test_a_recurrent_decoder_can_be_made_blind() -> None:
    tokens = Tokens(vocab=12)
    cross = Attention(heads=1, maps="", bias="", score=General())
    spec = Model(family="recurrent", dim=16, encoder=Recurrent(depth=1, input=tokens),
                 decoder=Recurrent(depth=1, input=tokens, cross=cross, feeding=True), heads=(Words(),))
    torch.manual_seed(0)
    model = Network(spec).eval()

    def answer() -> Tensor:
        with torch.no_grad():
            return model.decode(ONE, memory=model.encode(Batch(OTHER)))

    before = answer()
    with ablate(model, "decoder.0.cross", places=[3]), said(model) as heard:
        off = answer()
    assert not heard["decoder.0.cross"][:, 3].any()
    assert heard["decoder.0.cross"][:, 2].any()
    assert torch.equal(off[:, :3], before[:, :3])
    assert (off[:, 3:] - before[:, 3:]).abs().amax(-1).min() > 1e-5             # what was made of it goes into the next step
    assert torch.equal(answer(), before)


def test_another_thread_is_left_alone(model: Network) -> None:
    before, other = logits(model), []
    with ablate(model, "decoder.*"):
        thread = threading.Thread(target=lambda: other.append(logits(model)))
        thread.start()
        thread.join()
        assert not torch.equal(logits(model), before)
    assert torch.equal(other[0], before)


def test_all_is_as_before_after_an_error(model: Network) -> None:
    before = logits(model)
    with pytest.raises(RuntimeError, match="stop"), ablate(model, "decoder.*"), said(model):
        raise RuntimeError("stop")
    assert torch.equal(logits(model), before)
    assert all(each.eye is None and not each.o._forward_pre_hooks for each in model.attentions().values())


def test_what_is_not_there_is_named(model: Network) -> None:
    with pytest.raises(TraceError, match=r'no attention is named "decoder\.7\.self"') as caught, ablate(model, "decoder.7.self"):
        pass
    assert "decoder.1.self" in caught.value.hint
    with pytest.raises(TraceError, match=r"decoder\.0\.self has 4 heads, 0 to 3: got 4\."), ablate(model, {"decoder.0.self": [4]}):
        pass
    with said(model, "decoder.0.self") as heard:
        pass
    with pytest.raises(TraceError, match=r'"decoder\.0\.self" was not heard') as caught:
        heard["decoder.0.self"]
    assert caught.value.hint == "Run the model inside the block."
    with said(model, "decoder.0.self") as heard:
        logits(model, ONE[:, :3])
    with pytest.raises(TraceError, match=r'"decoder\.1\.self" was not heard'), patch(model, heard, "decoder.1.self"):
        pass
    with pytest.raises(TraceError, match=r"heard at 3 places, and is asked for place 4"), patch(model, heard, "decoder.0.self"):
        logits(model)
    with patch(model, heard, "decoder.0.self", places=[1]):
        logits(model)


def test_greedy_answers_change_with_their_heads() -> None:
    model, rows = tiny.seq2seq(0, end=-30, heads=4), tiny.sources(0)
    before = [h.tokens for (h,) in generate(model, pad(rows), Greedy(), ending=ENDING, start=START)]
    with ablate(model, "decoder.*.cross"):
        off = [h.tokens for (h,) in generate(model, pad(rows), Greedy(), ending=ENDING, start=START)]
    assert len(set(off)) == 1                                    # who sees no source says the same of all
    assert off != before


