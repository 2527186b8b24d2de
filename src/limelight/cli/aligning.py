"""What `limelight align` does, once its options are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.lines import lines
from ..data.rows import Row
from ..errors import InputError, RecipeError, did_you_mean
from ..tasks.align.task import Align, Given
from ..tasks.asking import with_changes
from .given import Asked, answer
from .given import Given as Texts
from .options import Opening
from .pictured import Pictured

BAR, TARGET = "|||", "target"


@dataclass(frozen=True)
class Job:
    """All that was asked for. `told`: what stands on the line; `page`: where the pictures go, None where there is no page to make."""

    given: Texts
    at: Opening
    told: tuple[str, ...]
    options: Mapping[str, Any]
    column: str | None
    file: str | None
    page: Path | None


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together."""
    _check_together(job)
    align: Align = job.at.task("align")
    options = with_changes("align", None, align.Options, job.options)
    beside = None if job.file is None else _Beside(job.file)
    row = beside or _from_column(job)
    asked = Asked(align, align.opened, options, name="alignment", doing="aligning", item=_item(job.told), row=row)
    drawn = job.given.alone and not job.given.as_json
    shown = Pictured(job.given, lambda result, _: str(result), drawn=drawn, page=job.page)
    answer(asked, job.given, shown)
    if beside is not None:
        beside.end()


def _check_together(job: Job) -> None:
    table = job.given.table
    if len(job.told) not in (0, 2):
        raise RecipeError(f"a source and a translation are wanted: got {len(job.told)} texts.", "Give SOURCE TARGET, each in quotes.")
    for name, value in (("--target-column", job.column), ("--target-file", job.file)):
        if value is not None and table.file is None:
            raise RecipeError(f"{name} is about a file, and there is no --file.", f"Say --file FILE too, or leave {name} out.")
    if table.file is None:
        return
    if job.page is not None:
        raise RecipeError("--html is for texts to read, not for files.", "Give SOURCE TARGET instead of --file.")
    if job.column is not None and job.file is not None:
        raise RecipeError("--target-column and --target-file were both given.", "Give one of them.")
    if job.file is not None and table.resume:
        raise RecipeError("--resume needs a source and its translation in one row: got --target-file.", "Make one table of the two files.")


def _item(told: tuple[str, ...]) -> Callable[[str], Given]:
    """A text -> what the task is given: the pair on the line, or a line of both."""
    return _halves if not told else lambda source: (source, told[1])


def _halves(line: str) -> Given:
    for bar in (BAR, "\t"):
        source, found, target = line.partition(bar)
        if found:
            return source.strip(), target.strip()
    said = f'a line is "source {BAR} target", or both with a tab between: got {line[:60]!r}.'
    raise InputError(said, "For two files: --file and --target-file.")


def _from_column(job: Job) -> Callable[[Row, str], Given]:
    return lambda row, text: (text, _cell(row, job.column or TARGET, job.given.table.file))


def _cell(row: Row, name: str, file: str | None) -> str:
    if name not in row:
        raise InputError(f'{file} has no column "{name}".', did_you_mean(name, row))
    if not isinstance(row[name], str):
        raise InputError(f'{file}: "{name}" is {type(row[name]).__name__}, not text: {row[name]!s:.40}.', "Choose another column.")
    return row[name]


class _Beside:
    """The translations of a file's texts, line by line, out of another. Raises InputError where that has fewer lines, and at the end where
    it has more."""

    def __init__(self, file: str):
        self._file, self._rest, self._taken = file, lines(file), 0

    def __call__(self, row: Row, text: str) -> Given:
        del row
        self._taken += 1
        return text, self._next(f"fewer lines than there are sources: it ends before {self._taken}")

    def end(self) -> None:
        """Nothing is left over."""
        if (left := next(self._rest, None)) is not None:
            said = f"{self._file} has more lines than the {self._taken} sources: {left[1][:60]!r}."
            raise InputError(said, "Are the two files of the same texts?")

    def _next(self, lacks: str) -> str:
        if (found := next(self._rest, None)) is None:
            raise InputError(f"{self._file} has {lacks}.", "Are the two files of the same texts?")
        return found[1]
