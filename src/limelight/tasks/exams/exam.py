"""What an exam is asked, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from ...errors import RecipeError
from ...hub import Opened
from ...manifest import Aligner, Measure
from ...values import plain


@dataclass(frozen=True)
class Asking:
    """All that an exam may be asked; None where nothing was. `data`: files, or a folder; `limit`: items at most; `choose_on`: of how many
    a choice is made; `languages`: of a model of several; `first`: what gold links are counted from; `batch`: texts at once; `tell`: is told
    how many items are done."""

    data: tuple[Path, ...] = ()
    limit: int | None = None
    choose_on: int | None = None
    languages: tuple[str | None, str | None] = (None, None)
    first: int | None = None
    batch: int = 32
    tell: Callable[[int], None] = field(default=lambda _: None, repr=False)

    def check(self, task: str, hears: Sequence[str]) -> None:
        """Raises RecipeError for what this exam would not hear."""
        for name, given, option in (
            ("choose_on", self.choose_on, "--choose-on"),
            ("languages", next(filter(None, self.languages), None), "--from and --to"),
            ("first", self.first, "--count-from"),
        ):
            if given is not None and name not in hears:
                raise RecipeError(f"the exam of {task} does not ask for {option}: got {given}.", f"Leave {option} out.")


@dataclass(frozen=True)
class Report:
    """What was found. `lines`: for people; `plain`: as JSON data; `aligner`, `measure`: what may be kept with the model."""

    lines: tuple[str, ...]
    plain: dict[str, Any]
    aligner: Aligner | None = None
    measure: Measure | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        kept = {name: plain(found) for name, found in (("aligner", self.aligner), ("measure", self.measure)) if found is not None}
        return {**self.plain, **kept}


@runtime_checkable
class Exam(Protocol):
    """One exam. `hears`: which of Asking's fields it heeds beside data, limit, batch and tell."""

    hears: ClassVar[tuple[str, ...]]

    def take(self, opened: Opened, asked: Asking) -> Report:
        """Examine a model. Raises InputError for data that cannot be read, TaskError for a model that cannot do it."""
        ...
