"""Files and folders on the command line: an answer for each, written as it comes; what could not be read is named at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data import Layout, Table, open_output
from ..data.formats import STANDARD, Format, format_of
from ..data.rows import Row
from ..errors import InputError, RecipeError
from ..inputs.files import gather
from ..look.visible import visible
from ..tasks.bulk import Answers
from ..tasks.files import Said, answered_files
from ..tasks.result import Result
from ..values import plain
from .given import Asked, Person, for_person
from .options import Rows
from .options import Table as Options
from .progress import bar
from .streams import is_terminal, note, say

FILE, ERROR = "file", "error"
STDIN = "stdin"                          # what a file is called that came without a name
MOST_NAMED = 20                          # files that could not be read, each with the reason


@dataclass(frozen=True)
class Files:
    """What was given: files, and folders in which those are looked for that end in one of `endings`. `opening`: a file -> what the task is
    given; `after`: what else is done with each answer."""

    given: tuple[str, ...]
    endings: Collection[str]
    opening: Callable[[Path], Any]
    after: Callable[[Path, Any], None] | None = None

    @property
    def where(self) -> str:
        """What the output was made from, in a few words."""
        return self.given[0] if len(self.given) == 1 else f"{self.given[0]} and {len(self.given) - 1} more"

    def gathered(self) -> Sequence[Path]:
        """The files; how many others the folders hold is said. Raises InputError for a folder without any."""
        there = gather(self.given, self.endings)
        if there.passed:
            note(f"limelight: note: {there.passed:,} other files of the folders were passed over.")
        return there.files

    def beside(self, folder: Path, ending: str, *, instead: bool = False) -> dict[Path, Path]:
        """For each file a place of its own in another folder: by its name, or within a folder that was given by its path there, with
        `ending` behind, or `instead` of its own. Raises InputError for two that would have the same."""
        found, taken = dict[Path, Path](), dict[Path, Path]()
        for given in map(Path, self.given):
            for path in gather([given], self.endings).files:
                name = path.relative_to(given) if given.is_dir() else Path(STDIN if str(path) == STANDARD else path.name)
                found[path] = folder / (name.with_suffix(ending) if instead else name.with_name(name.name + ending))
                if (other := taken.setdefault(found[path], path)) != path:
                    raise InputError(f"{other} and {path} would both be written to {found[path]}.", "Rename one, or use two folders.")
        return found


@dataclass
class Unread:
    """What could not be read, of how many; `cut`: answers that a limit cut off."""

    found: list[tuple[Path, InputError]] = field(default_factory=list)
    total: int = 0
    cut: int = 0

    def add(self, path: Path, said: Result | InputError) -> None:
        """Count a file."""
        self.total += 1
        if isinstance(said, InputError):
            self.found.append((path, said))
        else:
            self.cut += not said.complete

    def end(self) -> None:
        """Says what was cut off. Raises InputError that counts and names what could not be read, if there is any."""
        if self.cut:
            which = "the answer was" if self.total == 1 else f"{self.cut:,} of {self.total:,} answers were"
            note(f"limelight: note: {which} cut off before the end.   Give --max-length more tokens.")
        if not self.found:
            return
        if self.total == 1:
            raise self.found[0][1]
        for _, error in self.found[:MOST_NAMED]:
            note(f"limelight: not read: {error}")
        named = ", ".join(path.name for path, _ in self.found[:MOST_NAMED]) + ", ..." * (len(self.found) > MOST_NAMED)
        raise InputError(f"{len(self.found):,} of {self.total:,} files could not be read: {named}.", "All others are done.")


def answer_files(asked: Asked, files: Files, table: Options | Rows, *, as_json: bool, person: Person = for_person) -> None:
    """Answer all files: on standard output, or as rows of a table (--output, and --resume).

    Raises RecipeError for options that are about texts, and InputError, once all others are answered, where files could not be read.
    """
    _check(table)
    there = files.gathered()
    if table.output is not None:
        _write(asked, files, there, table, as_json=as_json)
        return
    unread, alone = Unread(), len(there) == 1
    watched = bar(asked.doing, len(there), unit="files") if not is_terminal(sys.stdout) else nullcontext(_unseen)
    with watched as show_at:
        for chunk in answered_files(asked.task, there, asked.options, opening=files.opening):
            for path, said in chunk:
                _taken(files, unread, path, said)
            if lines := [line for each in chunk if (line := _line(each, person, as_json=as_json, alone=alone)) is not None]:
                say("\n".join(lines))
            show_at(unread.total)
    unread.end()


def refuse_texts(options: Mapping[str, object]) -> None:
    """Raises RecipeError for an option that is about texts and was given: it would not be heard. `options`: by their names."""
    for name, value in options.items():
        if value is not None and value is not False:
            raise RecipeError(f"{name} is about texts; files were given.", f"Leave {name} out.")


def _taken(files: Files, unread: Unread, path: Path, said: Result | InputError) -> None:
    unread.add(path, said)
    if files.after is not None and isinstance(said, Result):
        files.after(path, said)


def _check(table: Options | Rows) -> None:
    if isinstance(table, Options):
        refuse_texts({"--file": table.file, "--format": table.format, "--column": table.column})
    for name, value in (("--to-column", table.to_column), ("--resume", table.resume or None)):
        if value is not None and table.output is None:
            raise RecipeError(f"{name} is about an --output, and there is none.", "Say --output FILE.")


def _line(each: Said, person: Person, *, as_json: bool, alone: bool) -> str | None:
    """A line for a file; None for people where there is no answer: they are told at the end."""
    path, said = each
    if as_json:
        told = {ERROR: said.message} if isinstance(said, InputError) else said.to_json()
        return json.dumps({**told, FILE: str(path)}, ensure_ascii=False)
    if isinstance(said, InputError):
        return None
    return person(said, None) if alone else f"{visible(str(path))}\t{person(said, 1)}"


# --- tables out -------------------------------------------------------------------------------------------------------
def _write(asked: Asked, files: Files, there: Sequence[Path], table: Options | Rows, *, as_json: bool) -> None:
    answers = _open(asked, files, there, table)
    unread, before = Unread(), answers.output.done
    with bar(asked.doing, len(there), unit="files") as show_at, answers.output as output:
        left = [Path(row[FILE]) for row in output.skip(_rows(there))]
        show_at(before)
        try:
            for chunk in answered_files(asked.task, left, asked.options, opening=files.opening):
                for path, said in chunk:
                    _taken(files, unread, path, said)
                    _add(answers, path, said)
                show_at(before + unread.total)
        except KeyboardInterrupt:
            note(f"Stopped: {before + unread.total} rows are kept in {table.output}.part; the same command with --resume goes on.")
            raise
    if as_json:
        told = {"output": table.output, "rows": before + unread.total, "new": unread.total, "unread": len(unread.found)}
        say(json.dumps(told, ensure_ascii=False))
    elif table.output != STANDARD:
        note(f"{table.output}: {before + unread.total} rows, {unread.total} new.")
    unread.end()


def _open(asked: Asked, files: Files, there: Sequence[Path], table: Options | Rows) -> Answers:
    kind: Format = "jsonl" if table.output == STANDARD else format_of(table.output or "")
    column = table.to_column or asked.name
    columns = {f"{column}_{name}" if name else column: of for name, of in asked.task.columns(asked.options).items()}
    layout = Layout(Table(files.where, "tsv", (FILE,), _rows(there)), {**columns, ERROR: str})
    made_with = {
        "model": asked.opened.manifest.name, "dtype": str(asked.opened.dtype), "quant": asked.opened.quant, **asked.made_with,
        **plain(replace(asked.options, batch=1)),
    }  # fmt: skip
    output = open_output(table.output or STANDARD, layout=layout, options=made_with, format=kind, resume=table.resume)
    return Answers(output, column, plain=False, flat=kind == "tsv")


def _add(answers: Answers, path: Path, said: Result | InputError) -> None:
    if isinstance(said, InputError):
        answers.output.write({FILE: str(path), ERROR: said.message})
    else:
        answers.add({FILE: str(path), ERROR: ""}, said)


def _rows(files: Sequence[Path]) -> Iterator[Row]:
    yield from ({FILE: str(path)} for path in files)


def _unseen(done: int) -> None:
    """What a bar is where answers themselves show how far it is."""
    del done
