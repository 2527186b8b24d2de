"""What a task is given on the command line: texts, standard input, or a column of a file; and how its answers are shown."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data.formats import STANDARD
from ..data.lines import lines
from ..data.rows import Row
from ..errors import InputError, RecipeError
from ..hub import Opened
from ..tasks.bulk import Task, Texts, answer_file, answered, count_rows, one_line, open_answers, open_texts
from ..tasks.result import Result
from ..values import plain
from .options import Table
from .progress import bar
from .streams import is_terminal, note, say


@dataclass(frozen=True)
class Given:
    """All that is to be answered, and whether as JSON. `whole`: files that are one text each."""

    texts: tuple[str, ...]
    table: Table
    as_json: bool
    whole: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        table = self.table
        if self.whole and (self.texts or table.file is not None):
            raise RecipeError(f"--in and {'TEXT' if self.texts else '--file'} were both given.", "Give one of them.")
        if table.file is None:
            needs = (("--format", table.format), ("--column", table.column), ("--output", table.output), ("--to-column", table.to_column))
            for name, value in (*needs, ("--resume", table.resume or None)):
                if value is not None:
                    raise RecipeError(f"{name} is about a file, and there is no --file.", f"Say --file FILE too, or leave {name} out.")
        elif self.texts:
            raise RecipeError("TEXT and --file were both given.", "Give one of them.")
        elif table.resume and table.output is None:
            raise RecipeError("--resume goes on with an --output, and there is none.", "Say --output FILE.")

    @property
    def alone(self) -> bool:
        """Whether there is a single text, given on the line."""
        return len(self.whole or self.texts) == 1 and STANDARD not in self.texts

    @property
    def typed(self) -> bool:
        """Whether a person types texts, and waits for each answer."""
        return not self.whole and (not self.texts or STANDARD in self.texts) and is_terminal(sys.stdin)

    @property
    def where(self) -> str | None:
        """How a text that is refused is called; a single one needs no number."""
        if self.whole:
            return "--in" if len(self.whole) > 1 else None
        if not self.texts:
            return "standard input, line"
        return "text" if len(self.texts) > 1 or STANDARD in self.texts else None

    def each(self) -> Iterator[str]:
        """The texts."""
        yield from map(whole_text, self.whole)
        if self.whole:
            return
        for text in self.texts or (STANDARD,):
            if text != STANDARD:
                yield text
                continue
            if is_terminal(sys.stdin):
                note("A text a line; Ctrl-D ends.")
            yield from (line for _, line in lines(STANDARD))


def whole_text(path: str) -> str:
    """A file as one text. Raises InputError for one that cannot be read or is not UTF-8."""
    try:
        data = sys.stdin.buffer.read() if path == STANDARD else Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Is the name right?") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: byte {error.start:,} is 0x{data[error.start]:02x}.", "Save it as UTF-8.") from None


Person = Callable[[Any, int | None], str]


def for_person(result: Result, number: int | None) -> str:
    """A result as one line, or, where it is the only one, as it is."""
    return str(result) if number is None else one_line(str(result))


@dataclass
class Shown:
    """Prints results as they come, and at the end what there is to say of them all. `person`: a result as people read it, with its
    number, which is None for the only one."""

    given: Given
    person: Person = for_person
    count: int = 0
    cut: int = 0
    told: bool = False

    def results(self, results: list[Any]) -> None:
        """Print several at once."""
        say("\n".join(self._line(result, number) for number, result in enumerate(results, self.count + 1)))
        for result in results:
            self.after(result)

    def _line(self, result: Result, number: int) -> str:
        return as_json(result) if self.given.as_json else self.person(result, None if self.given.alone else number)

    def after(self, result: Any) -> None:
        """What else there is to do with one."""
        self.count += 1
        self.cut += not result.complete

    def end(self) -> None:
        """Nothing is cut off silently, but where `told`: whoever set the length knows."""
        if self.cut and not self.told:
            which = "the answer was" if self.count == 1 else f"{self.cut} of {self.count} answers were"
            note(f"limelight: note: {which} cut off before the end.   Give --max-length more tokens.")


def as_json(result: Result) -> str:
    """A result as a line of JSON."""
    return json.dumps(result.to_json(), ensure_ascii=False)


@dataclass(frozen=True)
class Asked:
    """A task with its options, ready for many texts. `name`: the default name of the answers' column; `doing`: what is done, for a
    progress bar; `item` and `row`: a text, or a text with its row, -> what the task is given; `made_with`: what changes answers and is
    no option (a question)."""

    task: Task[Any]
    opened: Opened
    options: Any
    name: str
    doing: str
    item: Callable[[str], Any] = str
    row: Callable[[Row, str], Any] = lambda _, text: text
    made_with: Mapping[str, Any] = field(default_factory=dict)


def answer(asked: Asked, given: Given, shown: Shown) -> None:
    """Answer all that was given."""
    if given.table.file is not None:
        _answer_file(asked, given, given.table.file)
        return
    options = replace(asked.options, batch=1) if given.typed else asked.options
    keyed = ((None, asked.item(text)) for text in given.each())
    for chunk in answered(asked.task, keyed, options, where=given.where):
        shown.results([result for _, result in chunk])
    shown.end()


def _answer_file(asked: Asked, given: Given, file: str) -> None:
    table = given.table
    texts = open_texts(file, column=table.column, format=table.format)
    if given.as_json and table.output is None:
        _print_file(asked, texts, file)
        return
    made_with = {"model": asked.opened.manifest.name, "dtype": str(asked.opened.dtype), "quant": asked.opened.quant, "column": texts.column}
    answers = open_answers(
        table.output or STANDARD,
        texts,
        column=table.to_column or asked.name,
        columns=asked.task.columns(asked.options),
        made_with={**made_with, **asked.made_with, **plain(replace(asked.options, batch=1))},
        resume=table.resume,
    )
    began, before, done = time.perf_counter(), answers.output.done, 0
    with bar(asked.doing, count_rows(file, table.format), unit="rows") as show_at:
        try:
            for done in answer_file(asked.task, texts, answers, asked.options, item=asked.row):
                show_at(done)
        except KeyboardInterrupt:
            if table.output is not None:
                note(f"Stopped: {done} rows are kept in {table.output}.part; the same command with --resume goes on.")
            raise
    Shown(given, count=done - before, cut=answers.cut).end()
    _say_done(given, done, done - before, time.perf_counter() - began)


def _print_file(asked: Asked, texts: Texts, file: str) -> None:
    keyed = ((None, asked.row(row, text)) for row, text in texts.keyed(texts.table.rows))
    for chunk in answered(asked.task, keyed, asked.options, where=f"{file}, row"):
        say("\n".join(as_json(result) for _, result in chunk))


def _say_done(given: Given, rows: int, new: int, seconds: float) -> None:
    rate = new / seconds if seconds else 0.0
    if given.as_json:
        say(json.dumps({"output": given.table.output, "rows": rows, "new": new, "seconds": round(seconds, 3)}, ensure_ascii=False))
    elif given.table.output not in (None, STANDARD):
        note(f"{given.table.output}: {rows} rows, {new} new, {rate:.1f} a second.")
