"""Records of a run: metrics.jsonl always, TensorBoard for those who ask."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import RecipeError, TrainError
from .events import Evaluated, Event, Started, Stepped, to_plain

FILE = "metrics.jsonl"


class Metrics:
    """One line of JSON an event, appended to FOLDER/metrics.jsonl; nothing where the folder is None."""

    def __init__(self, folder: Path | None):
        self._path = None if folder is None else folder / FILE

    def rewind(self, step: int) -> None:
        """Drop the lines after `step`: a run resumed there will write them again. Raises TrainError where it cannot."""
        if self._path is None or not self._path.exists():
            return
        lines = self._path.read_text(errors="replace").splitlines()
        fresh = self._path.with_suffix(".partial")
        try:
            fresh.write_text("".join(f"{line}\n" for line in lines if _step_of(line) <= step))
            fresh.replace(self._path)
        except OSError as error:
            raise TrainError(f"cannot write {self._path}: {error}", "Free some space and resume.") from error

    def write(self, event: Event) -> None:
        """Append an event. Raises TrainError where the disk is full."""
        if self._path is None:
            return
        try:
            with self._path.open("a") as file:
                file.write(json.dumps(to_plain(event)) + os.linesep)
        except OSError as error:
            raise TrainError(f"cannot write {self._path}: {error}", "Free some space and resume.") from error


def _step_of(line: str) -> float:
    """The step of a line; a torn line belongs to no step that is kept."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def to_tensorboard(events: Iterator[Event], folder: Path) -> Iterator[Event]:
    """The same events, written for TensorBoard on their way. Raises RecipeError where TensorBoard is not installed."""
    try:
        make: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter
    except ImportError:
        raise RecipeError("TensorBoard is not installed.", "Run: pip install limelight[tensorboard]") from None
    return _through(events, make(str(folder / "tensorboard")))


def _through(events: Iterator[Event], board: Any) -> Iterator[Event]:
    part = ""
    try:
        for event in events:
            if isinstance(event, Started):
                part = f"{event.part}/" if event.part else ""
            for name, number in _curves(event).items():
                board.add_scalar(part + name, number, event.step)
            yield event
    finally:
        board.close()


def _curves(event: Event) -> dict[str, float]:
    if isinstance(event, Stepped):
        names = ("loss", "nll", "lr", "grad_norm", "tokens_per_second")
        return {f"train/{name}": getattr(event, name) for name in names}
    if isinstance(event, Evaluated):
        return {f"eval/{name}": number for name, number in event.scores.items()}
    return {}
