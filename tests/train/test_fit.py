"""What fit does and says: its events, its steps, and how it stops."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn
from toys import START, Copies, Toy

from limelight.errors import DeviceError, SpecError, TrainError
from limelight.inputs.pairs import Pairs
from limelight.train import Evaluated, Finished, LossSum, Plan, Saved, Started, Stepped, Stopped, fit, next_token, precision, read
from limelight.train.optimiser import decayed
from limelight.train.precision import settle


def plan(**changes: object) -> Plan:
    return Plan(**{"steps": 6, "lr": 1e-2, "warmup": 2, "log_every": 1, "precision": "fp32", **changes})


def train(how: Plan, model: nn.Module | None = None, data: Copies | None = None, loss=None, **more: object) -> list[object]:
    return list(fit(model or Toy(), data or Copies(), loss=loss or next_token(how, start=START), plan=how, **more))


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("batches")]


def test_the_events_of_a_run(tmp_path: Path):
    how = plan(save_every=4, eval_every=3, log_every=2)
    events = train(how, folder=tmp_path, evaluate=lambda _: {"bleu": 1})
    assert [(type(e), e.step) for e in events] == [
        (Started, 0), (Stepped, 2), (Evaluated, 3), (Stepped, 4), (Saved, 4),
        (Stepped, 6), (Saved, 6), (Evaluated, 6), (Finished, 6),
    ]  # fmt: skip
    assert events[0].parameters == sum(p.numel() for p in Toy().parameters())
    assert events[-1].tokens == sum(len(Copies().rows[i]) + 1 for e in range(2) for b in Copies().order(e)[: 5 - 4 * e] for i in b)
    assert events[-1].path == tmp_path / "step-00000006"
    last = [e for e in events if isinstance(e, Stepped)][-1]
    assert last.seconds_left == 0
    assert last.tokens_per_second > 0


def test_it_learns_to_copy():
    how = plan(steps=150, lr=3e-2, warmup=10, log_every=50)
    losses = [e.nll for e in train(how, Toy(dropout=0.0, dim=32), Copies(8, 4)) if isinstance(e, Stepped)]
    assert losses[-1] < 0.75 * losses[0]


def test_steps_report_the_mean_loss_of_a_token():
    how = plan(steps=1, accumulate=2, label_smoothing=0.1)
    loss, model, data = next_token(how, start=START), Toy(dropout=0.0), Copies()
    sums = [loss(model, data.batch(i)) for i in data.order(0)[:2]]
    tokens = sum(s.tokens for s in sums)
    (stepped,) = [e for e in train(how, model, data) if isinstance(e, Stepped)]
    assert stepped.tokens == tokens
    assert stepped.loss == pytest.approx(sum(s.total.item() for s in sums) / tokens)
    assert stepped.nll == pytest.approx(sum(s.nll.item() for s in sums) / tokens)


def test_two_half_batches_are_one_whole_batch():
    """The step is divided by the tokens of all its batches, not by each batch's own."""

    class Halves(Copies):
        def order(self, epoch: int) -> list[list[int]]:
            return [part for whole in super().order(epoch) for part in (whole[:1], whole[1:])]

    one, two = Toy(dropout=0.0), Toy(dropout=0.0)
    # plain steps of size lr show the gradient itself; Adam would hide its scale
    for model, data, accumulate in ((one, Copies(), 1), (two, Halves(), 2)):
        list(fit(model, data, loss=next_token(plan(), start=START), plan=plan(steps=1, accumulate=accumulate, eps=1e6, lr=1e6, warmup=0)))
    moved = one.mix.weight - Toy().mix.weight
    assert moved.abs().max() > 1e-3
    for name, weight in one.named_parameters():
        torch.testing.assert_close(two.get_parameter(name), weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("clip", [0.0, 0.01])
def test_one_step_is_torchs_own_adamw(clip: float):
    how = plan(steps=1, clip=clip, weight_decay=0.5, warmup=0)
    ours, plain, data = Toy(dropout=0.0), Toy(dropout=0.0), Copies()
    train(how, ours, data)
    pulled = [plain.mix.weight]
    rest = [p for p in plain.parameters() if p is not plain.mix.weight]
    groups = [{"params": pulled, "weight_decay": 0.5}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=how.lr, betas=how.betas, eps=how.eps, foreach=False)
    found = next_token(how, start=START)(plain, data.batch(data.order(0)[0]))
    (found.total / found.tokens).backward()
    if clip:
        nn.utils.clip_grad_norm_(plain.parameters(), clip)
    optimiser.step()
    for name, weight in plain.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name), weight, rtol=1e-4, atol=1e-6)


def test_decay_leaves_biases_norms_and_embeddings_alone():
    assert decayed(Toy()) == {"mix.weight"}


def faulty(at: int, fault: str):
    """A loss that is good until batch `at`, then has the fault: in itself, or only on the way back."""
    calls, good = [0], next_token(plan(), start=START)

    def loss(model: nn.Module, pairs: Pairs) -> LossSum:
        calls[0] += 1
        found = good(model, pairs)
        if calls[0] != at:
            return found
        if fault == "interrupt":
            raise KeyboardInterrupt
        if fault == "gradient":
            return LossSum(found.total + (model.mix.weight.sum() * 0).sqrt(), found.nll, found.tokens)     # the slope of sqrt at 0
        return LossSum(found.total * (math.nan if fault == "nan" else math.inf), found.nll, found.tokens)

    return loss


@pytest.mark.parametrize("fault", ["nan", "inf", "gradient"])
def test_a_loss_that_is_not_finite_stops_before_the_update(fault: str, tmp_path: Path):
    model, seen = Toy(), {}
    how = plan(save_every=2, average={"kind": "ema"}, log_every=1)


    def train_and_note() -> None:
        for event in fit(model, Copies(), loss=faulty(4, fault), plan=how, folder=tmp_path):
            if isinstance(event, Stepped):
                seen[event.step] = {name: p.detach().clone() for name, p in model.named_parameters()}

    with pytest.raises(TrainError, match=r"step 4: loss .*before the weights were changed.*last good .* is .*step-00000002") as caught:
        train_and_note()
    assert "nan" in str(caught.value) or "inf" in str(caught.value)
    assert max(seen) == 3
    assert all(torch.equal(p, seen[3][name]) for name, p in model.named_parameters())
    assert torch.equal(read(tmp_path / "step-00000002").tensors["model"]["mix.weight"], seen[2]["mix.weight"])
    assert [p.name for p in tmp_path.glob("step-*")] == ["step-00000002"]
    assert not threads()


def test_ctrl_c_finishes_the_step_and_saves(tmp_path: Path):
    before = signal.getsignal(signal.SIGINT)

    def events() -> Iterator[object]:
        for event in fit(Toy(), Copies(), loss=next_token(plan(), start=START), plan=plan(steps=1000, log_every=1), folder=tmp_path):
            if isinstance(event, Stepped) and event.step == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield event

    seen = list(events())
    assert seen[-2:] == [Saved(3, tmp_path / "step-00000003"), Stopped(3, "Ctrl-C", tmp_path / "step-00000003")]
    assert read(tmp_path / "step-00000003").step == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert not threads()


def test_a_polite_kill_is_heard_too():
    def loss(model: nn.Module, pairs: Pairs) -> LossSum:
        os.kill(os.getpid(), signal.SIGTERM)
        return next_token(plan(), start=START)(model, pairs)

    assert train(plan(), loss=loss)[-1] == Stopped(1, "SIGTERM", None)


def test_a_step_that_is_broken_off_is_not_taken(tmp_path: Path):
    whole = train(plan(steps=3), folder=tmp_path / "whole")
    events = train(plan(accumulate=1), loss=faulty(4, "interrupt"), folder=tmp_path / "broken")
    assert events[-1] == Stopped(3, "Ctrl-C", tmp_path / "broken" / "step-00000003")
    one, other = (read(e.path).tensors["model"] for e in (whole[-1], events[-1]))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_ctrl_c_breaks_an_evaluation_off_and_the_weights_come_back(tmp_path: Path):
    def evaluate(_: nn.Module) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")

    model, how = Toy(), plan(eval_every=2, average={"kind": "ema"})
    events = train(how, model, folder=tmp_path, evaluate=evaluate)
    assert events[-1] == Stopped(2, "Ctrl-C", tmp_path / "step-00000002")
    assert torch.equal(model.mix.weight, read(tmp_path / "step-00000002").tensors["model"]["mix.weight"])


def test_a_second_ctrl_c_is_an_ordinary_one():
    def loss(model: nn.Module, pairs: Pairs) -> LossSum:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")

    assert train(plan(), loss=loss)[-1] == Stopped(0, "Ctrl-C", None)


def test_closing_the_stream_ends_its_thread_and_puts_the_handlers_back():
    before = signal.getsignal(signal.SIGINT)
    stream = fit(Toy(), Copies(), loss=next_token(plan(), start=START), plan=plan())
    while not isinstance(next(stream), Stepped):
        pass
    assert threads()
    assert signal.getsignal(signal.SIGINT) is not before
    stream.close()
    assert not threads()
    assert signal.getsignal(signal.SIGINT) is before


def test_training_in_another_thread_works():
    found: list[object] = []
    worker = threading.Thread(target=lambda: found.extend(train(plan())))
    worker.start()
    worker.join()
    assert isinstance(found[-1], Finished)


def test_a_fault_in_the_data_comes_out_where_it_is_met():
    class Broken(Copies):
        def batch(self, indices: list[int]) -> Pairs:
            if indices == self.order(0)[3]:
                raise ValueError("row 7 is broken")
            return super().batch(indices)

    seen = []
    with pytest.raises(ValueError, match="row 7 is broken"):
        seen.extend(fit(Toy(), Broken(), loss=next_token(plan(), start=START), plan=plan()))
    assert not threads()


def test_what_cannot_be_trained_is_said():
    with pytest.raises(TrainError, match="epoch 0 has no batches"):
        train(plan(), data=Copies(count=0))
    with pytest.raises(TrainError, match="no parameters that learn"):
        train(plan(), Toy().requires_grad_(False))
    with pytest.raises(TrainError, match="step 1: the batches hold no target tokens"):
        train(plan(), loss=lambda model, _: LossSum(model.mix.weight.sum(), torch.zeros(()), 0))


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainError, match="cannot make the folder"):
        train(plan(), folder=tmp_path / "file" / "run")


def test_two_trainings_do_not_share_a_folder(tmp_path: Path):
    first = fit(Toy(), Copies(), loss=next_token(plan(), start=START), plan=plan(), folder=tmp_path)
    next(first)
    with pytest.raises(TrainError, match="another training is at work in"):
        train(plan(), folder=tmp_path)
    first.close()
    assert isinstance(train(plan(), folder=tmp_path)[-1], Finished)


def test_frozen_parts_stay(tmp_path: Path):
    model = Toy()
    model.table.requires_grad_(False)
    train(plan(average={"kind": "ema"}), model, folder=tmp_path)
    assert torch.equal(model.table.weight, Toy().table.weight)
    assert not torch.equal(model.mix.weight, Toy().mix.weight)


def test_bfloat16_computes_in_bfloat16_and_keeps_float32_weights():
    formats = set()

    class Watched(Toy):
        def logits(self, hidden: torch.Tensor) -> torch.Tensor:
            out = super().logits(hidden)
            formats.add(out.dtype)
            return out

    model = Watched()
    events = train(plan(precision="bf16"), model)
    assert events[0].precision == "bf16"
    assert formats == {torch.bfloat16}
    assert model.mix.weight.dtype == torch.float32


def test_auto_precision_follows_the_processor(monkeypatch: pytest.MonkeyPatch):
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    has, amx, lacks = {"avx512_bf16": True}, {"amx_bf16": True}, {"avx512_bf16": False}
    for able, gain, wanted in ((has, 3.0, "bf16"), (amx, 3.0, "bf16"), (has, 0.5, "fp32"), (lacks, 3.0, "fp32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        monkeypatch.setattr(precision, "gain", lambda gain=gain: gain)
        assert settle("auto", cpu) == wanted
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla T4")
    for capability, wanted in (((7, 5), "fp32"), ((8, 0), "bf16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _, c=capability: c)
        assert settle("auto", gpu) == wanted
        assert settle("fp32", gpu) == "fp32"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    with pytest.raises(DeviceError, match="Tesla T4 has no bfloat16 units"):
        settle("bf16", gpu)


def test_rates_are_those_of_the_schedule():
    from limelight.train import learning_rate

    how = plan(schedule="linear")
    steps = [e for e in train(how) if isinstance(e, Stepped)]
    assert [e.lr for e in steps] == [learning_rate(s, how) for s in range(1, 7)]
    assert all(later.tokens > earlier.tokens for earlier, later in pairwise(steps))


def test_a_bad_plan_is_a_spec_error():
    with pytest.raises(SpecError):
        plan(precision="fp16")


def test_every_batch_draws_its_own_dropout():
    drawn: list[torch.Tensor] = []

    def loss(model: nn.Module, pairs: Pairs) -> LossSum:
        drawn.append(torch.rand(8))
        return next_token(plan(), start=START)(model, pairs)

    train(plan(steps=3, accumulate=2), loss=loss)
    assert len({tuple(numbers.tolist()) for numbers in drawn}) == 6
