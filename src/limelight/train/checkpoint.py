"""Checkpoints that are written whole or not at all, and hold tensors and JSON only.

    FOLDER/step-00001000/   model.safetensors  optimizer.safetensors  [average.safetensors]  state.json  COMPLETE

Each is made as FOLDER/.step-00001000.partial; every file is flushed to the disk, the mark COMPLETE (sizes and SHA-256 of the others)
comes last, then the folder takes its name. A reader believes a folder only if it has the mark and every file has its size.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import TrainError

MARK = "COMPLETE"
STATE = "state.json"
NAME = re.compile(r"step-(\d{8,})")
FAULTS = (OSError, RuntimeError, SafetensorError, ValueError)   # what a full disk or a torn file comes out as


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: groups of named tensors (on the CPU), and plain data."""

    path: Path
    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


def write(folder: Path, step: int, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
    """Write a checkpoint and return its folder. Raises TrainError where that fails; older ones are not touched."""
    path = folder / f"step-{step:08d}"
    partial = folder / f".{path.name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for group, named in tensors.items():
            save_file({name: t.detach().cpu().contiguous() for name, t in named.items()}, partial / f"{group}.safetensors")
        (partial / STATE).write_text(json.dumps({"step": step, **state}, indent=1))
        files = {file.name: _seal(file) for file in sorted(partial.iterdir())}
        (partial / MARK).write_text(json.dumps({"step": step, "files": files}, indent=1))
        _flush(partial / MARK)
        _flush(partial)
        shutil.rmtree(path, ignore_errors=True)      # only a torn one can be in the way
        partial.rename(path)
        _flush(folder)
    except FAULTS as error:
        shutil.rmtree(partial, ignore_errors=True)
        kept, _ = latest(folder)
        saved = f"The last good checkpoint is {kept}." if kept else "There is no earlier checkpoint."
        raise TrainError(f"cannot write the checkpoint {path}: {error}", f"{saved} Free some space and resume.") from error
    return path


def latest(folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The newest whole checkpoint of a folder, and a line on each newer one that is torn."""
    skipped: list[str] = []
    for path in reversed(_all(folder)):
        if fault := _torn(path):
            skipped.append(f"{path.name}: {fault}")
        else:
            return path, tuple(skipped)
    return None, tuple(skipped)


def whole(folder: Path) -> list[Path]:
    """All whole checkpoints of a folder, oldest first."""
    return [path for path in _all(folder) if not _torn(path)]


def read(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises TrainError for one that is torn, or whose files are not those that were written."""
    if fault := _torn(path):
        raise TrainError(f"{path} is not a whole checkpoint: {fault}.", "Use another one, or start again in another folder.")
    try:
        for name, seal in _mark(path)["files"].items():
            if _seal(path / name, flush=False) != seal:
                raise TrainError(f"{path / name} changed since it was written.", "Delete this checkpoint to go on from the one before.")
        state = json.loads((path / STATE).read_text())
        tensors = {file.stem: load_file(file) for file in path.glob("*.safetensors")}
    except FAULTS as error:
        raise TrainError(f"cannot read the checkpoint {path}: {error}", "Delete it to go on from the one before.") from error
    return Checkpoint(path, state["step"], tensors, state)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` whole checkpoints, and what broken writes left behind."""
    for old in [*whole(folder)[:-keep], *folder.glob(".step-*.partial")]:
        (old / MARK).unlink(missing_ok=True)     # a kill in the middle of this leaves no folder that looks whole
        shutil.rmtree(old, ignore_errors=True)


def _all(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def _torn(path: Path) -> str:
    """What is wrong with a checkpoint, by its mark and the sizes of its files; "" where nothing is."""
    try:
        files = _mark(path)["files"]
        for name, seal in files.items():
            if (size := (path / name).stat().st_size) != seal["bytes"]:
                return f"{name} has {size} bytes, wanted {seal['bytes']}"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{MARK} cannot be read"
    return "" if STATE in files else f"{STATE} is missing"


def _mark(path: Path) -> dict[str, Any]:
    return json.loads((path / MARK).read_text())


def _seal(file: Path, *, flush: bool = True) -> dict[str, Any]:
    """Size and hash of a file, once it is on the disk."""
    if flush:
        _flush(file)
    with file.open("rb") as stream:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _flush(path: Path) -> None:
    """Wait until a file or a folder is on the disk, not only in memory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
