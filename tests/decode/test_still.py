"""Steps that stand still say what ordinary steps say, and could be recorded: proven on a CPU, which records nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from limelight.decode import Beam, Ending, Greedy, Hypothesis, Sample, generate, still, stream
from limelight.decode.still import StillRun, StillStep
from limelight.errors import InputError
from limelight.inputs.batch import pad
from limelight.look import trace
from limelight.nn import Network
from nn.specs import MODELS, VOCAB, build, tokens

DECODERS = {name: spec for name, spec in MODELS.items() if name.startswith("decoder_")}
ENDING = Ending(frozenset([3]), 14)
PROMPTS = [[5, 6, 7, 8, 9], [4], [7, 11, 2], [9, 8, 9, 8]]
CHOICES = [Greedy(), Sample(seed=2), Sample(nbest=2, top_k=5), Beam(width=3, nbest=2)]


class Ready:
    """What a graph does, without one: the work is done several times to be recorded, and once each time."""

    made = run = 0

    def __init__(self, work: Callable[[], None]):
        Ready.made += 1
        self._work = work
        for _ in range(3):
            work()

    def __call__(self) -> None:
        Ready.run += 1
        self._work()


@pytest.fixture(autouse=True)
def small_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(still, "LEAST", 8)
    monkeypatch.setattr(still, "Graph", Ready)
    monkeypatch.setattr(Ready, "made", 0)
    monkeypatch.setattr(Ready, "run", 0)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Whether steps are to stand still on this processor."""
    return lambda yes: monkeypatch.setattr(still, "DEVICES", {"cpu"} if yes else set())


def answers(found: list[list[Hypothesis]]) -> list[list[tuple[int, ...]]]:
    return [[h.tokens for h in each] for each in found]


@pytest.mark.parametrize("name", DECODERS)
def test_scores_are_those_of_ordinary_steps(name: str) -> None:
    """Under padding, through rooms of 8, 16 and 32, rows changing places; the difference is that of sums over more zeros."""
    model, batch = build(DECODERS[name]), pad(PROMPTS, side="left")
    with torch.inference_mode():
        usual, first = model.new_cache(), model.new_cache()
        keep = batch.keep
        for cache in (usual, first):
            model.decode(batch.values, keep=keep, cache=cache)
        run = StillRun(model, first, keep)
        for step, given in enumerate(tokens(4, 20).T):
            if step == 7:
                rows = torch.tensor([2, 0])
                usual.reorder(rows)
                run.reorder(rows)
                keep = keep[rows]
            given = given[: len(keep), None]
            keep = torch.cat((keep, torch.ones(len(keep), 1, dtype=torch.bool)), 1)
            wanted = model.logits(model.decode(given, keep=keep, cache=usual)[:, -1])
            torch.testing.assert_close(run.scores(given), wanted, atol=2e-5, rtol=0)
    assert Ready.made == 3


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_answers_are_those_of_ordinary_steps(choice: Greedy | Sample | Beam, chosen: Callable[[bool], None]) -> None:
    """Rows leave the batch one after the other."""
    model, found = build(DECODERS["decoder_rotary"]), []
    for yes in (False, True):
        chosen(yes)
        found.append(answers(generate(model, pad(PROMPTS, side="left"), choice, ending=ENDING)))
        assert (Ready.run > 0) == yes
    assert found[0] == found[1]
    assert len({len(each) for row in found[0] for each in row}) > 1


def test_two_streams_do_not_touch_and_steps_are_used_again(chosen: Callable[[bool], None]) -> None:
    model, prompts = build(DECODERS["decoder_learned"]), [pad([[5, 6, 7]]), pad([[8, 2]])]
    chosen(True)
    apart = [answers(generate(model, each, Greedy(), ending=Ending(frozenset(), 4))) for each in prompts]
    assert Ready.made == 1
    streams = [stream(model, each, Greedy(), ending=Ending(frozenset(), 4)) for each in prompts]
    steps = list(zip(*streams, strict=True))
    assert [answers(each.done) for each in steps[-1]] == apart
    assert Ready.made == 2                                   # one more, while the other was at work
    generate(model, prompts[0], Greedy(), ending=Ending(frozenset(), 4))
    assert Ready.made == 2
    model.decoder.norm.weight = torch.nn.Parameter(model.decoder.norm.weight.clone())
    generate(model, prompts[0], Greedy(), ending=Ending(frozenset(), 4))
    assert Ready.made == 3                                   # a graph would have read the old ones


def test_a_stream_that_is_broken_off_gives_its_step_back(chosen: Callable[[bool], None]) -> None:
    model = build(DECODERS["decoder_learned"])
    chosen(True)
    for _ in range(2):
        steps = stream(model, pad([[5, 6]]), Greedy(), ending=Ending(frozenset(), 9))
        next(steps), next(steps)
        steps.close()
    assert Ready.made == 1


@pytest.mark.parametrize("name", ["decoder_rotary", "decoder_alibi", "decoder_window", "decoder_grouped"])
def test_a_trace_changes_no_bit_and_shows_the_weights(name: str, chosen: Callable[[bool], None]) -> None:
    model, batch = build(DECODERS[name]), pad([[5, 6, 7, 8], [4, 4]], side="left")
    how = {"choice": Greedy(), "ending": Ending(frozenset(), 6)}
    chosen(False)
    with trace(model) as usual:
        generate(model, batch, **how)
    chosen(True)
    (plain,) = zip(*generate(model, batch, **how), strict=True)
    before = Ready.run
    with trace(model) as seen:
        (traced,) = zip(*generate(model, batch, **how), strict=True)
    assert Ready.run == before                               # who looks is there when it happens
    assert [h.logprobs for h in plain] == [h.logprobs for h in traced]
    for each in usual:
        torch.testing.assert_close(seen[each].weights(), usual[each].weights(), atol=2e-6, rtol=0)


def test_hooks_are_heard(chosen: Callable[[bool], None]) -> None:
    model, heard = build(DECODERS["decoder_plain"]), []
    chosen(True)
    how = {"choice": Greedy(), "ending": Ending(frozenset(), 5)}
    generate(model, pad([[5]]), **how)
    handle = model.decoder.blocks[0].register_forward_hook(lambda *_: heard.append(1))
    generate(model, pad([[5]]), **how)
    handle.remove()
    assert len(heard) == 5


def test_positions_run_out_for_both(chosen: Callable[[bool], None]) -> None:
    """64 of them: padding takes slots and no positions."""
    model = build(DECODERS["decoder_learned"])
    for yes in (False, True):
        chosen(yes)
        with pytest.raises(InputError, match="the input has 65 tokens, the model has positions for 64"):
            generate(model, pad([[5] * 40, [6]], side="left"), Greedy(), ending=Ending(frozenset(), 30))
        (found,) = generate(model, pad([[5] * 40], side="left"), Greedy(), ending=Ending(frozenset(), 25))
        assert len(found[0].tokens) == 25


class Recordable(TorchDispatchMode):
    """Raises for what a graph cannot hold: numbers from another device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        flat = [x for each in args for x in (each if isinstance(each, list | tuple) else [each])]
        strangers = [x for x in flat if isinstance(x, Tensor) and x.device.type != "meta"]
        assert not strangers, f"{func} takes numbers of {strangers[0].device}"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", DECODERS)
def test_a_step_could_be_recorded(name: str) -> None:
    """On a device without numbers: whoever asks for one, or brings some from elsewhere, fails here as it would in a recording."""
    model = build(DECODERS[name]).to("meta")
    with torch.inference_mode():
        past = model.new_cache()
        model.decode(torch.ones(2, 5, dtype=torch.long, device="meta"), cache=past)
        step = StillStep(model, 2, past, 16)
        step.cache.length = 5
        step.work(model)                                     # what is made once for all steps is made
        with Recordable():
            step.work(model)
    assert step._scores.shape == (2, VOCAB)


def test_only_what_keeps_keys_alone_stands_still(chosen: Callable[[bool], None]) -> None:
    with torch.inference_mode():
        chosen(True)
        model = build(DECODERS["decoder_plain"])
        cache = model.new_cache()
        assert not still.still_serves(model, cache)          # no prompt yet
        model.decode(tokens(1, 3), cache=cache)
        assert still.still_serves(model, cache)
        assert not still.still_serves(build(MODELS["recurrent_alone"]), cache)
        assert not still.still_serves(build(MODELS["both_plain"]), cache)
        chosen(False)
        assert not still.still_serves(model, cache)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("name", ["decoder_rotary", "decoder_alibi", "decoder_window", "decoder_grouped"])
def test_on_a_gpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded, run as it is, and ordinary; the first two to the bit."""
    monkeypatch.undo()
    model, batch = build(DECODERS[name]).cuda(), pad(PROMPTS, side="left").to("cuda")
    how = {"choice": Greedy(), "ending": Ending(frozenset(), 12)}
    recorded = generate(model, batch, **how)
    with trace(model):
        traced = generate(model, batch, **how)
    assert [h.logprobs for (h,) in recorded] == [h.logprobs for (h,) in traced]
    monkeypatch.setattr(still, "DEVICES", set())
    ordinary = generate(model, batch, **how)
    assert answers(recorded) == answers(ordinary)


def test_replaced_weights_are_another_state() -> None:
    model: Network = build(DECODERS["decoder_plain"])
    before = still._state(model)
    with torch.no_grad():
        model.decoder.norm.weight.mul_(2)                    # in place: a graph reads the new numbers
    assert still._state(model) == before
    model.double()
    assert still._state(model) != before
