"""What `limelight eval --task` does, once its options are read."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RecipeError
from ..hub import keep, open_model
from ..look.visible import visible
from ..tasks.exams import Asking, exam_of
from .progress import bar
from .streams import note, say


@dataclass(frozen=True)
class Exam:
    """All that was asked for. `more`: as the fields of Asking; `usual`: options that an exam does not hear."""

    model: str
    device: str
    dtype: str
    quant: str
    task: str
    data: tuple[Path, ...]
    more: Mapping[str, Any]
    usual: Mapping[str, Any]
    save: bool
    as_json: bool


def examine(job: Exam) -> None:
    """Examine a model, print what was found, and keep it where that was asked for."""
    for name, value in job.usual.items():
        if value is not None:
            raise RecipeError(f"{name} is about held-out examples, and --task {job.task} is an exam.", f"Leave {name} or --task out.")
    exam = exam_of(job.task)
    asked = Asking(data=job.data, **job.more)
    asked.check(job.task, exam.hears)
    opened = open_model(job.model, device=job.device, dtype=job.dtype, quant=job.quant)
    began = time.perf_counter()
    with bar("examining", None, unit="items") as show_at:
        found = exam.take(opened, replace(asked, tell=show_at))
    seconds = time.perf_counter() - began
    kept = None
    if job.save:
        measured = {} if found.measure is None else {job.task: found.measure}
        kept = keep(opened.folder, aligner=found.aligner, measured=measured)
    if job.as_json:
        told = {"model": opened.manifest.name, "precision": opened.precision, "task": job.task, **found.to_json()}
        say(json.dumps({**told, "seconds": round(seconds, 3), "kept": None if kept is None else str(kept)}, ensure_ascii=False))
        return
    for line in found.lines:
        say(visible(line) if line else "")
    note(f"{seconds:.1f} s." if kept is None else f"{seconds:.1f} s. Kept in {kept}.")
