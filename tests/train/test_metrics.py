from __future__ import annotations

import importlib.util
import json
import resource
import sys
from pathlib import Path

import pytest

from limelight.errors import RecipeError, TrainError
from limelight.train import Evaluated, Saved, Started, Stepped, to_tensorboard
from limelight.train.metrics import Metrics

STARTED = Started(0, 10, 5, "cpu", "fp32", None, ("step-1: torn",))
STEPPED = Stepped(4, 2.5, 2.0, 1e-3, 0.5, 100, 50.0, 1.5)


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_line_an_event(tmp_path: Path):
    metrics = Metrics(tmp_path)
    for event in (STARTED, STEPPED, Evaluated(4, {"bleu": 54.0}), Saved(4, tmp_path / "step-4")):
        metrics.write(event)
    started, stepped, evaluated, saved = lines(tmp_path)
    assert started["skipped"] == ["step-1: torn"]
    assert stepped == {
        "event": "stepped", "step": 4, "loss": 2.5, "nll": 2.0, "lr": 1e-3, "grad_norm": 0.5,
        "tokens": 100, "tokens_per_second": 50.0, "seconds_left": 1.5,
    }  # fmt: skip
    assert evaluated == {"event": "evaluated", "step": 4, "scores": {"bleu": 54.0}}
    assert saved["path"] == str(tmp_path / "step-4")


def test_going_back_drops_later_and_torn_lines(tmp_path: Path):
    metrics = Metrics(tmp_path)
    for step in (1, 2, 3):
        metrics.write(Evaluated(step, {}))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"event": "stepp')
    metrics.rewind(2)
    metrics.write(Evaluated(9, {}))
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 9]


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    metrics = Metrics(None)
    metrics.rewind(0)
    metrics.write(STEPPED)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said(tmp_path: Path):
    metrics = Metrics(tmp_path)
    metrics.write(STEPPED)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        for attempt in (lambda: metrics.write(STEPPED), lambda: metrics.rewind(9)):
            with pytest.raises(TrainError, match=r"cannot write .*metrics.jsonl.*Free some space"):
                attempt()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert lines(tmp_path)[0]["step"] == 4       # what was there is still there


def test_tensorboard_that_is_not_installed_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RecipeError, match=r"pip install limelight\[tensorboard\]"):
        to_tensorboard(iter([STEPPED]), tmp_path)


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is an extra and is not installed")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_gets_the_curves(tmp_path: Path):
    assert list(to_tensorboard(iter([STEPPED, Evaluated(4, {"bleu": 54.0})]), tmp_path)) == [STEPPED, Evaluated(4, {"bleu": 54.0})]
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(tmp_path / "tensorboard"))
    board.Reload()
    assert board.Scalars("eval/bleu")[0].value == 54.0
    assert board.Scalars("train/nll")[0].step == 4


def test_tensorboard_is_closed_with_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a stand-in for the writer, so that it runs without the extra."""
    seen: list[object] = []

    class Writer:
        def __init__(self, folder: str):
            seen.append(folder)

        def add_scalar(self, name: str, number: float, step: int) -> None:
            seen.append((name, number, step))

        def close(self) -> None:
            seen.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", type("module", (), {"SummaryWriter": Writer}))
    stream = to_tensorboard(iter([STARTED, STEPPED, Evaluated(4, {"bleu": 54.0})]), tmp_path)
    assert [next(stream), next(stream)] == [STARTED, STEPPED]
    stream.close()
    assert seen[0] == str(tmp_path / "tensorboard")
    assert ("train/loss", 2.5, 4) in seen
    assert seen[-1] == "closed"
    assert ("eval/bleu", 54.0, 4) not in seen
