"""What `limelight classify` does, once its options are read."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data.rows import Row
from ..errors import InputError, RecipeError, did_you_mean
from ..inputs import pictures
from ..look.deciders import drawn, fragment, save
from ..look.visible import visible
from ..tasks.asking import with_changes
from ..tasks.classify.classified import Classified
from ..tasks.classify.task import Classify, ClassifyOptions
from .files import Files, answer_files
from .given import Asked, Given, Shown, answer
from .options import Opening, Table
from .streams import note


@dataclass(frozen=True)
class Job:
    """All that was asked for. `options`: those of the task that were given; `page`: where the page goes."""

    given: Given
    at: Opening
    options: Mapping[str, Any]
    pair: str | None
    pair_column: str | None
    page: Path | None


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together."""
    _check_together(job)
    options = with_changes("classify", None, ClassifyOptions, job.options)
    classify = job.at.task("classify")
    asked = Asked(classify, classify.opened, options, name="label", doing="classifying", item=_item(job), row=_row(job))
    answer(asked, job.given, _Shown(job.given, _Person(options), page=job.page))


def run_files(classify: Classify, files: Sequence[str], options: Mapping[str, Any], table: Table, *, as_json: bool) -> None:
    """The same for pictures. Raises InputError, at the end, where some could not be read."""
    asked = with_changes("classify", None, ClassifyOptions, options)
    task = Asked(classify, classify.opened, asked, name="label", doing="classifying")
    answer_files(task, Files(tuple(files), pictures.ENDINGS, pictures.read), table, as_json=as_json, person=_Person(asked))


def _item(job: Job) -> Any:
    """A text -> what the task is given."""
    pair = job.pair
    return str if pair is None else lambda text: (text, pair)


def _row(job: Job) -> Any:
    """A row and its text -> what the task is given."""
    file, name = job.given.table.file, job.pair_column
    if name is None:
        item = _item(job)
        return lambda _, text: item(text)
    return lambda row, text: (text, _second(row, name, file))


def _second(row: Row, name: str, file: str | None) -> str:
    if name not in row:
        raise InputError(f'{file} has no column "{name}".', did_you_mean(name, row))
    found = row[name]
    if not isinstance(found, str | None):
        raise InputError(f'{file}: "{name}" is {type(found).__name__}, not text: {found!s:.40}.', "Choose another column.")
    return found or ""


def _check_together(job: Job) -> None:
    table, why = job.given.table, job.options.get("why", False)
    if table.file is not None and (job.page is not None or (why and (table.output is not None or not job.given.as_json))):
        raise RecipeError("--why is for texts to read, not for tables.", "Give TEXT instead of --file, or --json without --output.")
    if "template" in job.options and "labels" not in job.options:
        raise RecipeError("--template is about labels of your own, and there are none.", "Say --labels too, or leave --template out.")
    if job.pair_column is not None and table.file is None:
        raise RecipeError("--pair-column is about a file, and there is no --file.", "Say --file FILE too, or --pair TEXT.")
    if job.pair_column is not None and job.pair is not None:
        raise RecipeError("--pair and --pair-column were both given.", "Give one of them.")


@dataclass(frozen=True)
class _Person:
    """How people read a result: the only one as a list of its labels; of several, a line each with the label and its score."""

    options: ClassifyOptions

    def __call__(self, result: Classified, number: int | None) -> str:
        """See given.Person."""
        if result.why is not None:
            return f"{result}\n\n{_decided(result)}" + "\n" * (number is not None)
        if number is None:
            return str(result)
        labels = result.labels[: self.options.top_k or 1]
        return "\t".join(cell for each in labels for cell in (visible(each.label), f"{each.score:.4f}"))


def _decided(result: Classified) -> str:
    """What decided, as standard output can show it."""
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    if result.why is None:
        return ""
    with console.capture() as caught:
        console.print(drawn(result.why, result.texts, console), soft_wrap=True, end="")
    return caught.get()


@dataclass
class _Shown(Shown):
    """Labels, and a page of what decided where that is wanted."""

    page: Path | None = None
    fragments: list[str] = field(default_factory=list)

    def after(self, result: Classified) -> None:
        """See Shown."""
        super().after(result)
        if self.page is not None and result.why is not None:
            self.fragments.append(fragment(result.why, result.texts))

    def end(self) -> None:
        """Write the page, and say where it is."""
        super().end()
        if self.page is not None and self.fragments:
            save(self.fragments, self.page)
            note(f"The same as a page: {self.page}")
        elif self.page is not None:
            note("There was nothing to look at: no page was written.")
