"""What `limelight eval --evidence` does: how faithful each way of telling which words decided is, with a model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..claims.faithful import check_page, study, write_page
from ..errors import RecipeError
from ..hub import Opened, keep
from ..tasks.recipes.scorer import Explains
from ..tasks.recipes.scores import Aside
from .progress import bar
from .streams import note


@dataclass(frozen=True)
class Explaining:
    """What was asked for. `each`: how many texts of each set, None where it is not asked; `page`: where the page goes; `keep`: whether the
    model's folder is to say what was found; `again`: the options that measure it again."""

    each: int | None = None
    page: Path | None = None
    keep: bool = False
    again: Mapping[str, Any] = field(default_factory=dict)


def check(asked: Explaining, *, align: bool) -> None:
    """Raises RecipeError for what does not go together, InputError for a page that cannot be written."""
    if asked.each is not None and align:
        raise RecipeError("--align is about translations, --evidence about classes: got both.", "Give one of them.")
    if asked.each is None and asked.page is not None:
        raise RecipeError("--page is about --evidence, and there is none.", "Say --evidence 100 too, or leave --page out.")
    if asked.page is not None:
        check_page(asked.page)


def explained(asked: Explaining, opened: Opened, explains: Explains, data: str) -> Aside:
    """How faithful the ways are on `data`; the page is written, and the folder says so, where that was asked for."""
    began, date = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
    with bar("taking words away", None, unit="texts") as show_at:
        ways = explains(opened, show_at)
    seconds, model = time.perf_counter() - began, opened.manifest.name
    if asked.page is not None:
        command = " ".join(["limelight eval", model, *(f"{option} {each}" for option, each in asked.again.items() if each is not None)])
        page = write_page(asked.page, study(ways, model=model, data=data, command=command, date=date, seconds=seconds))
        note(f"{page}: {len(ways.sets):,} texts.")
    if asked.keep:
        note(f"Kept in {keep(opened.folder, evidence=ways.evidence)}.")
    return ways.aside
