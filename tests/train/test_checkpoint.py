"""Checkpoints: whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import resource
from pathlib import Path

import pytest
import torch

from limelight.errors import TrainError
from limelight.train import checkpoint
from limelight.train.checkpoint import latest, prune, read, write

BIG = {"model": {"w": torch.arange(50_000.0)}}


def small(number: float) -> dict[str, dict[str, torch.Tensor]]:
    return {"model": {"w": torch.tensor([number])}}


def test_what_is_written_is_read_back(tmp_path: Path):
    tensors = {"model": {"a.b": torch.randn(3, 2).T, "n": torch.tensor(7)}, "optimizer": {}}
    path = write(tmp_path, 42, tensors, {"place": {"epoch": 1}})
    back = read(path)
    assert path == tmp_path / "step-00000042"
    assert (back.step, back.state["place"]) == (42, {"epoch": 1})
    assert torch.equal(back.tensors["model"]["a.b"], tensors["model"]["a.b"])
    assert torch.equal(back.tensors["model"]["n"], tensors["model"]["n"])
    assert back.tensors["optimizer"] == {}
    assert not list(tmp_path.glob(".*"))


def test_the_newest_is_by_number_not_by_name(tmp_path: Path):
    for step in (99_999_999, 100_000_000, 5):
        write(tmp_path, step, small(step), {})
    (tmp_path / "step-best").mkdir()
    (tmp_path / "notes.txt").write_text("")
    assert latest(tmp_path) == (tmp_path / "step-100000000", ())
    assert latest(tmp_path / "nothing") == (None, ())


def damage(path: Path, how: str) -> None:
    weights = path / "model.safetensors"
    match how:
        case "no mark":
            (path / "COMPLETE").unlink()
        case "torn mark":
            (path / "COMPLETE").write_text((path / "COMPLETE").read_text()[:-20])
        case "odd mark":
            (path / "COMPLETE").write_text("[1]")
        case "short file":
            weights.write_bytes(weights.read_bytes()[:-1])
        case "no file":
            weights.unlink()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("no mark", "COMPLETE is missing"),
        ("torn mark", "COMPLETE cannot be read"),
        ("odd mark", "COMPLETE cannot be read"),
        ("short file", "model.safetensors has 71 bytes, wanted 72"),
        ("no file", "model.safetensors is missing"),
    ],
)
def test_torn_checkpoints_are_passed_over(how: str, said: str, tmp_path: Path):
    good, torn = write(tmp_path, 1, small(1), {}), write(tmp_path, 2, small(2), {})
    damage(torn, how)
    assert latest(tmp_path) == (good, (f"step-00000002: {said}",))
    with pytest.raises(TrainError, match=f"step-00000002 is not a whole checkpoint: {said}"):
        read(torn)
    write(tmp_path, 2, small(3), {})         # a torn one is in nobody's way
    assert read(torn).tensors["model"]["w"].item() == 3


def test_a_file_with_other_bytes_of_the_same_size_is_refused(tmp_path: Path):
    path = write(tmp_path, 1, small(1), {})
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(TrainError, match=r"model.safetensors changed since it was written.*go on from the one before"):
        read(path)


def test_old_ones_go_and_what_broken_writes_left(tmp_path: Path):
    for step in range(5):
        write(tmp_path, step, small(step), {})
    damage(tmp_path / "step-00000003", "no mark")
    (tmp_path / ".step-00000009.partial").mkdir()
    prune(tmp_path, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000002", "step-00000003", "step-00000004"]


def test_a_full_disk_leaves_the_old_one_whole(tmp_path: Path):
    """The kernel refuses to let files grow past a limit, in the middle of the weights."""
    old = write(tmp_path, 1, small(1), {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(TrainError, match=r"cannot write the checkpoint .*step-00000002.*last good checkpoint is .*step-00000001"):
            write(tmp_path, 2, BIG, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]
    assert read(old).tensors["model"]["w"].item() == 1
    write(tmp_path, 2, BIG, {})


def test_a_disk_that_fails_only_at_the_flush_is_a_fault_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Delayed allocation: the write succeeds in memory, and the disk says that it is full when asked to keep it."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainError, match=r"No space left on device.*There is no earlier checkpoint"):
        write(tmp_path, 1, small(1), {})
    assert list(tmp_path.iterdir()) == []


def test_the_mark_comes_last_and_all_is_flushed_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flushed: list[str] = []
    flush = checkpoint._flush

    def watch(path: Path) -> None:
        assert not (tmp_path / "step-00000001").exists() or path == tmp_path
        flushed.append(path.name)
        flush(path)

    monkeypatch.setattr(checkpoint, "_flush", watch)
    path = write(tmp_path, 1, small(1), {})
    assert flushed == ["model.safetensors", "state.json", "COMPLETE", ".step-00000001.partial", tmp_path.name]
    assert json.loads((path / "COMPLETE").read_text())["files"].keys() == {"model.safetensors", "state.json"}
