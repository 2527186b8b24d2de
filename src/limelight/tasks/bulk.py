"""Many texts: a line each or a column of a table in, answers out, in a memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from ..data import Layout, Output, Table, cell, open_output, read_table
from ..data.formats import STANDARD, format_of
from ..data.lines import lines
from ..data.rows import Row
from ..errors import InputError, LimelightError
from .result import Columns, Result

Item = TypeVar("Item")
K = TypeVar("K")
T = TypeVar("T")
TXT = "txt"
TEXT = "text"
BATCHES = 16             # a chunk is this many batches, so that sentences of like length meet


@runtime_checkable
class Task(Protocol[Item]):
    """What can be asked of every task over texts, or over what stands for one text: a question beside its text."""

    def columns(self, options: Any, /) -> Columns:
        """What a table gets, by what follows the column's own name."""
        ...

    def check(self, item: Item, options: Any = None, /) -> None:
        """Raises InputError for one that a call would refuse."""
        ...

    def __call__(self, items: list[Item], options: Any = None, /) -> Any:
        """Items -> results, in order."""
        ...


# --- texts in -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Texts:
    """The texts in a column of a table. `plain`: a text a line and nothing else."""

    table: Table
    column: str
    plain: bool

    def keyed(self, rows: Iterator[Row], first: int = 1) -> Iterator[tuple[Row, str]]:
        """Rows beside their texts; `first` is the number of the first of `rows`. Raises InputError where a cell is no text."""
        for number, row in enumerate(rows, first):
            yield row, cell(row, self.column, where=self.table.where, number=number)


def open_texts(path: Path | str, *, column: str | None = None, format: str | None = None) -> Texts:
    """Open a table (TSV, CSV, JSON lines, Parquet) or a plain text file, one text a line; `format`: where the name does not tell.

    `column`: by default "text", or the only one there is. Raises InputError for a file that cannot be read or a missing column.
    """
    if format == TXT or (format is None and Path(path).suffix.lower() == f".{TXT}"):
        if column is not None:
            raise InputError(f'{path} is plain text, a text a line: it has no column "{column}".', "Say --format tsv if it has.")
        return Texts(Table(str(path), "tsv", (TEXT,), _peeked({TEXT: line} for _, line in lines(path))), TEXT, plain=True)
    table = read_table(path, format=format)
    return Texts(table, _column_of(table, column), plain=False)


def count_rows(path: Path | str, format: str | None = None) -> int | None:
    """How many rows a file has, for a progress bar; a quoted line end in CSV counts as one more. None for a pipe."""
    if not Path(path).is_file():
        return None
    if format != TXT and Path(path).suffix.lower() != f".{TXT}" and format_of(path, format) == "parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_metadata(path).num_rows
    with Path(path).open("rb") as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))


def _peeked(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows, with the first read already: a file that is not there is noticed before anything is written."""
    rows = iter(rows)
    return chain(list(islice(rows, 1)), rows)


def _column_of(table: Table, wanted: str | None) -> str:
    if wanted is not None:
        return table.column(wanted)
    if len(table.columns) == 1:
        return table.columns[0]
    if TEXT in table.columns or not table.columns:
        return table.column(TEXT)
    raise InputError(f"{table.where} has {len(table.columns)} columns.", f"Say which to read with --column: {', '.join(table.columns)}.")


# --- answers ----------------------------------------------------------------------------------------------------------
def answered(
    task: Task[Item], keyed: Iterator[tuple[K, Item]], options: Any, *, where: str | None, first: int = 1
) -> Iterator[list[tuple[K, Result]]]:
    """Items with any key -> keys with results, in order, a chunk at a time; the first chunk is small, so that it comes soon.

    Where a text is refused, all before it are answered first; the InputError then says `where`, if that is known, and its number,
    counted from `first`.
    """
    batch, done = options.batch, first
    for chunk in in_chunks(_checked(task, keyed, options, where, first), 1 if batch == 1 else batch * BATCHES, first=batch):
        try:
            results = task([item for _, item in chunk], options)
        except InputError:                                           # what `check` cannot see is found one by one
            yield from _one_by_one(task, chunk, options, where, done)
        else:
            yield [(key, result) for (key, _), result in zip(chunk, results, strict=True)]
        done += len(chunk)


def _one_by_one(
    task: Task[Item], chunk: list[tuple[K, Item]], options: Any, where: str | None, first: int
) -> Iterator[list[tuple[K, Result]]]:
    for number, (key, item) in enumerate(chunk, first):
        with _numbered(where, number):
            result = task([item], options)[0]
        yield [(key, result)]


def in_chunks(items: Iterator[T], size: int, *, first: int) -> Iterator[list[T]]:
    """Lists of `size`, but the first of `first`. What stood before an error of `items` is given before it is raised."""
    room = first
    while True:
        chunk: list[T] = []
        wrong: LimelightError | None = None
        try:
            for item in islice(items, room):
                chunk.append(item)    
        except LimelightError as error:
            wrong = error
        if chunk:
            yield chunk
        if wrong is not None:
            raise wrong
        if len(chunk) < room:
            return
        room = size


def _checked(task: Task[Item], keyed: Iterator[tuple[K, Item]], options: Any, where: str | None, first: int) -> Iterator[tuple[K, Item]]:
    for number, (key, item) in enumerate(keyed, first):
        with _numbered(where, number):
            task.check(item, options)
        yield key, item


@contextmanager
def _numbered(where: str | None, number: int) -> Iterator[None]:
    """An InputError in here says which text it is about."""
    try:
        yield
    except InputError as error:
        if where is None:
            raise
        raise InputError(f"{where} {number}: {error.message}", error.hint) from None


# --- answers out ----------------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Answers:
    """Where answers go: a table with new columns, or a plain file with an answer a line. `cut`: how many did not come to their end."""

    output: Output
    column: str
    plain: bool
    flat: bool           # TSV and plain text cannot hold a line end
    cut: int = 0

    def add(self, row: Row, result: Result) -> None:
        """Write a row with its answer."""
        self.cut += not result.complete
        found = {_named(self.column, name): self._line(cell) for name, cell in result.cells().items()}
        self.output.write(found if self.plain else {**row, **found})

    def _line(self, cell: Any) -> Any:
        if not self.flat:
            return cell
        return one_line(cell) if isinstance(cell, str) else [*map(self._line, cell)] if isinstance(cell, list) else cell


def _named(column: str, name: str) -> str:
    return f"{column}_{name}" if name else column


def one_line(text: str) -> str:
    """The text with tabs and line ends as spaces."""
    return text.translate({9: 32, 10: 32, 13: 32})


def open_answers(
    path: Path | str, texts: Texts, *, column: str, columns: Columns, made_with: Mapping[str, Any], resume: bool = False
) -> Answers:
    """Open what answers are written to: a table by the ending of its name, ".txt" for an answer a line; "-" and devices
    get what the input is.

    `column`: the name of the answer's column; `columns`: as a task says; `made_with`: whatever changes answers, so that `resume` never
    mixes two ways. Raises InputError as `open_output` does.
    """
    standard = str(path) == STANDARD or (Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir())
    single = [*columns.values()] == [str]
    plain = texts.plain and single if standard else Path(path).suffix.lower() == f".{TXT}"
    if plain and not single:
        raise InputError("plain text holds one text a line, and no more of an answer.", "Write JSON lines: --output NAME.jsonl, or --json.")
    same = "jsonl" if texts.table.format == "parquet" else texts.table.format
    kind = "tsv" if plain else same if standard or Path(path).is_dir() else format_of(path)      # a folder is refused below
    table = Table(texts.table.where, "tsv", (), iter(()), header=False) if plain else texts.table
    layout = Layout(table, {_named(column, name): kind for name, kind in columns.items()})
    output = open_output(path, layout=layout, options=made_with, format=kind, resume=resume)
    return Answers(output, column, plain, flat=kind == "tsv")


def answer_file(
    task: Task[Item], texts: Texts, answers: Answers, options: Any, *, item: Callable[[Row, str], Item]
) -> Iterator[int]:
    """Answer all rows that are still to do, and finish the output; yields how many rows are done after each chunk.

    `item`: a row and its text -> what the task is given. However it ends, rows that are done stay in the output's part. Raises
    InputError for a row that cannot be answered, by number.
    """
    done = answers.output.done
    with answers.output as output:
        yield done
        keyed = texts.keyed(output.skip(texts.table.rows), done + 1)
        given = ((row, item(row, text)) for row, text in keyed)
        for chunk in answered(task, given, options, where=f"{texts.table.where}, row", first=done + 1):
            for row, result in chunk:
                answers.add(row, result)
            done += len(chunk)
            yield done
