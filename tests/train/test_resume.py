"""A run that is killed and taken up again ends where an unbroken one does, bit for bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import PLAN, START, Copies, Toy

from limelight.errors import TrainError
from limelight.train import Finished, LastSaved, Started, Stepped, checkpoint, fit, next_token, read
from limelight.values import parse, plain

Plan = type(PLAN)


def plan(**changes: object):
    return parse(Plan, {**plain(PLAN), **changes})


def train(folder: Path | None, how=PLAN, model: Toy | None = None, data: Copies | None = None, **more):
    model = model or Toy()
    events = list(fit(model, data or Copies(), loss=next_token(how, start=START), plan=how, folder=folder, **more))
    return model, events


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def killed(folder: Path, how: str, at: int) -> None:
    command = [sys.executable, str(Path(__file__).with_name("toys.py")), str(folder), how, str(at)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == -9, ended.stderr


def assert_same_training(one: Path, other: Path) -> None:
    first, second = (read(path / "step-00000013") for path in (one, other))
    for group in ("model", "optimizer", "average"):
        assert same(first.tensors[group], second.tensors[group]), group
    assert {**first.state, "seconds": 0} == {**second.state, "seconds": 0}


def test_killed_in_mid_epoch_and_in_the_middle_of_a_save_then_resumed(tmp_path: Path):
    broken, unbroken = tmp_path / "broken", tmp_path / "unbroken"
    model, _ = train(unbroken)
    killed(broken, "step", 8)                    # between the saves at 6 and 9, in the second of a step's three batches
    killed(broken, "save", 3)                    # in the save of step 9, some files written
    assert (broken / ".step-00000009.partial").is_dir()
    killed(broken, "save", 6)                    # the same save, the mark written but the folder not yet named
    assert not (broken / "step-00000009").exists()
    again, events = train(broken, resume="must")
    assert events[0] == Started(6, 13, events[0].parameters, "cpu", "fp32", broken / "step-00000006")
    assert same(again.state_dict(), model.state_dict())
    assert_same_training(broken, unbroken)
    assert not list(broken.glob(".*"))           # what the kills left behind is gone
    assert [path.name for path in sorted(broken.glob("step-*"))] == [f"step-{n:08d}" for n in (9, 12, 13)]     # plan.keep = 3
    lines = [json.loads(line) for line in (broken / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "stepped"] == list(range(1, 14))


def test_stopping_at_every_step_changes_nothing(tmp_path: Path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    train(unbroken)
    for step in range(1, 14):
        # the steps that were planned decide nothing in this schedule, so a short plan is a stop
        train(broken, plan(steps=step))
    assert_same_training(broken, unbroken)


def test_what_the_caller_draws_and_evaluates_changes_nothing(tmp_path: Path):
    train(tmp_path / "quiet")
    loud = plan(eval_every=2)
    for _ in fit(Toy(), Copies(), loss=next_token(loud, start=START), plan=loud, folder=tmp_path / "loud", evaluate=noisy):
        torch.rand(3)
        np.random.rand(3)
    assert_same_training(tmp_path / "quiet", tmp_path / "loud")


def noisy(model: torch.nn.Module) -> dict[str, float]:
    assert not model.training
    assert not torch.is_grad_enabled()
    return {"x": float(torch.rand(()))}


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(7)
    wanted = torch.rand(3)
    model = Toy()
    torch.manual_seed(7)
    train(None, plan(steps=2), model)
    assert torch.equal(torch.rand(3), wanted)


def test_the_seed_is_what_decides(tmp_path: Path):
    first, again = train(None)[0], train(None)[0]
    other = train(None, plan(seed=6))[0]
    assert same(first.state_dict(), again.state_dict())
    assert not same(first.state_dict(), other.state_dict())


def test_a_finished_run_resumes_to_its_end(tmp_path: Path):
    model, _ = train(tmp_path)
    again, events = train(tmp_path)
    assert same(again.state_dict(), model.state_dict())
    assert [type(e) for e in events] == [Started, Finished]


def test_after_the_end_the_model_wears_the_moving_average(tmp_path: Path):
    model, _ = train(tmp_path)
    saved = read(tmp_path / "step-00000013")
    assert same(model.state_dict(), dict(saved.tensors["average"]))
    assert not same(model.state_dict(), dict(saved.tensors["model"]))


def test_the_moving_average_is_that_of_its_formula():
    how = plan(steps=4, average={"kind": "ema", "decay": 0.3})
    raw, shadow = [], Toy().mix.weight.detach().clone()
    model = Toy()
    for event in fit(model, Copies(), loss=next_token(how, start=START), plan=how):
        if isinstance(event, Stepped):
            raw.append(model.mix.weight.detach().clone())
    for step, weight in enumerate(raw, 1):
        keep = min(0.3, (1 + step) / (10 + step))
        shadow = keep * shadow + (1 - keep) * weight
    torch.testing.assert_close(model.mix.weight.detach(), shadow)


def test_the_mean_of_the_last_saved(tmp_path: Path):
    how = plan(average=plain(LastSaved(count=2)))
    model, events = train(tmp_path, how, evaluate=lambda m: {"sum": float(m.mix.weight.sum())})
    parts = [read(tmp_path / f"step-{n:08d}").tensors["model"]["mix.weight"] for n in (12, 13)]
    torch.testing.assert_close(model.mix.weight.detach(), (parts[0] + parts[1]) / 2)
    assert events[-2].scores == {"sum": model.mix.weight.detach().sum().item()}
    with pytest.raises(TrainError, match="mean of saved checkpoints, and there is no folder"):
        train(None, how)


def test_resume_says_what_it_cannot_do(tmp_path: Path):
    with pytest.raises(TrainError, match="there is no checkpoint to resume"):
        train(tmp_path, resume="must")
    train(tmp_path, plan(steps=3))
    with pytest.raises(TrainError, match=r'already holds step-00000003.*resume="auto"'):
        train(tmp_path, resume="never")
    with pytest.raises(TrainError, match=r"holds another model: mix.bias is \(8,\), wanted \(9,\) \(5 differ\)"):
        train(tmp_path, model=Toy(dim=9))
    with pytest.raises(TrainError, match="epoch 1 has other batches than when the checkpoint was written"):
        train(tmp_path, data=Copies(seed=1))


def test_resuming_skips_a_torn_checkpoint_and_says_so(tmp_path: Path):
    train(tmp_path / "run", plan(steps=6))
    train(tmp_path / "whole", plan(steps=13))
    weights = tmp_path / "run" / "step-00000006" / "model.safetensors"
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:-1])
    _, events = train(tmp_path / "run")
    assert events[0].step == 3
    assert events[0].skipped == (f"step-00000006: model.safetensors has {size - 1} bytes, wanted {size}",)
    assert_same_training(tmp_path / "run", tmp_path / "whole")     # the torn one was written again
    assert checkpoint.latest(tmp_path / "run")[1] == ()
