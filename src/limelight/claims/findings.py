"""Findings: what measuring a claim has given, as JSON and back. Reports are made of nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import replaced
from ..measure.intervals import Estimate
from ..values import parse, plain, value
from .verdicts import Check, Verdict, judge

Cell = str | int | float | Estimate | None


@value
class Table:
    """Rows of cells under the names of their columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if wrong := next((row for row in self.rows if len(row) != len(self.columns)), None):
            raise InputError(f'the table "{self.title}" has {len(self.columns)} columns, a row has {len(wrong)}.')


@value
class Line:
    """A line of a plot: an estimate at each x."""

    label: str
    x: tuple[float, ...]
    y: tuple[Estimate, ...]

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise InputError(f'the line "{self.label}" has {len(self.x)} x and {len(self.y)} y.')


@value
class Plot:
    """Lines over one axis. `log_x`, `log_y`: axes in powers."""

    title: str
    x: str
    y: str
    lines: tuple[Line, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Found:
    """What a claim's own function gives; where and how it was measured is added around it."""

    checks: Sequence[Check]
    tables: Sequence[Table]
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = ()


@value
class Conditions:
    """Where, when and how: `setting` holds what the claim does under this size, `cells` how many measurements there are and
    `seconds` what they took, shared ones included. `busy`: processes that wanted a core, on average over the last minute, at the beginning
    and at the end."""

    size: str
    seeds: tuple[int, ...]
    setting: dict[str, Any]
    machine: dict[str, Any]
    versions: dict[str, str]
    threads: int
    busy: tuple[float | None, float | None]
    date: str
    seconds: float
    cells: int


@value
class Findings:
    """A claim's name, what was found, and under which conditions."""

    claim: str
    verdict: Verdict
    checks: tuple[Check, ...]
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    conditions: Conditions


def settled(claim: str, found: Found, conditions: Conditions) -> Findings:
    """Findings with the verdict that their checks come to."""
    return Findings(
        claim=claim,
        verdict=judge(found.checks),
        checks=tuple(found.checks),
        tables=tuple(found.tables),
        plots=tuple(found.plots),
        notes=tuple(found.notes),
        conditions=conditions,
    )


def write(findings: Findings, path: Path) -> None:
    """Write findings as JSON, whole or not at all. Raises InputError where the place cannot be written."""
    with replaced(path) as draft:
        draft.write_text(json.dumps(plain(findings), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> Findings:
    """Read findings back. Raises InputError for a file that is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} holds no findings: {error}.", "Measure the claim again: limelight claims run NAME.") from None
    return parse(Findings, data, where=str(path), error=InputError)
