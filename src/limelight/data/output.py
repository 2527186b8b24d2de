"""Tables out: a file that stands whole or not at all, and work that can be taken up again after a kill."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import InputError
from ..files import replaced
from .cells import as_text, without_halves
from .drafts import Draft, ParquetDraft, Pipe, TextDraft
from .formats import STANDARD, Format, format_of
from .layout import Layout
from .rows import Row

_AGAIN = "Run the same command with --resume."
_OTHER = "Run the command that began it with --resume, or delete it to begin anew."


class Output:
    """A table that is being written; use it in a `with`: leaving it well makes the file stand, leaving it by an error keeps the part.

    `done`: how many rows were there already when it was opened. A closed pipe passes through as BrokenPipeError; every other failure of
    the disk is an InputError that says how much is kept.
    """

    def __init__(self, draft: Draft, path: Path, part: Path | None, layout: Layout):
        self.done = draft.kept
        self._draft, self._path, self._part, self._layout = draft, path, part, layout

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self._draft.keep()

    def skip(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows of the input that are still to do. Raises InputError where those that are done do not belong to this input."""
        for number in range(1, self.done + 1):
            row = next(rows, None)
            if row is None:
                raise InputError(f"{self._part} holds {self.done} rows, but the input has only {number - 1}.", _OTHER)
            for at, known in ((1, self._draft.first), (self.done, self._draft.last)):
                if at == number and known is not None:
                    self._compare(number, row, known)
        return rows

    def write(self, row: Row) -> None:
        """Add a row: the input's cells and the new ones."""
        with self._explained():
            self._draft.write(row)

    def close(self) -> None:
        """Flush to disk and put the finished file in its place."""
        with self._explained():
            self._draft.finish(self._path)
        if self._part is not None:
            _mark_of(self._part).unlink(missing_ok=True)

    def _compare(self, number: int, row: Row, known: Row) -> None:
        for name, cell in row.items():
            there = known.get(name)
            if name not in self._layout.added and isinstance(there, str) and without_halves(as_text(cell)) != without_halves(there):
                raise InputError(f'{self._part}, row {number}: "{name}" is {there[:40]!r}, in the input {as_text(cell)[:40]!r}.', _OTHER)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            what = "the disk is full" if full else f"{self._path} cannot be written ({error.strerror})"
            if self._part is None:
                raise InputError(f"{what}: the output is cut short.", "Write to a file with a name to keep what is done.") from None
            raise InputError(
                f"{what}: the {self._draft.kept} rows that are done are kept in {self._part}.", f"Free some space. {_AGAIN}"
            ) from None


def open_output(
    path: Path | str,
    *,
    layout: Layout,
    options: Mapping[str, Any],
    format: str | None = None,
    resume: bool = False,
) -> Output:
    """Open a table to write rows to; what they look like is said at `line_writer` and `read_table`.

    Rows go to PATH.part, and PATH.part.json says what they were made from: the input, its size, the columns and `options` (plain JSON
    data: whatever changes the answers). Closing renames the part to PATH, which until then is as it was. "-" is standard output, and it
    and other pipes and devices get the rows at once. `resume`: go on with a part if there is one; a torn last row is dropped, `done` tells
    how many input rows to pass over, and `Output.skip` passes over them.
    Raises InputError for an unknown format, a place that cannot be written, a part that is there without `resume`, or one that was made
    from another input or with other options.
    """
    kind = format_of(path, format)
    target = Path(path)
    if str(path) == STANDARD or (target.exists() and not target.is_file() and not target.is_dir()):
        return _open_pipe(path, kind, layout, resume)
    target = target.resolve()       # a link keeps pointing: what it points at is replaced
    part = target.with_name(target.name + ".part")
    if target.is_dir():
        raise InputError(f"{path} is a folder.", "Give the name of a file.")
    if part.exists() and not resume:
        raise InputError(f"{part} is there from a run that did not end.", "Go on with --resume, or delete it to begin anew.")
    _check_mark(part, _made_from(layout, kind, options))
    try:
        draft = ParquetDraft(part, layout) if kind == "parquet" else TextDraft(part, kind, layout)
    except OSError as error:
        raise InputError(f"{part} cannot be written: {error.strerror}.", "Choose another place, or free some space.") from None
    return Output(draft, target, part, layout)


def _open_pipe(path: Path | str, kind: Format, layout: Layout, resume: bool) -> Output:
    if resume:
        raise InputError(f"there is no going on where {path} was: it keeps nothing.", "Write to a file with a name.")
    if kind == "parquet":
        raise InputError(f"Parquet cannot go to {path}: it is finished at its end.", "Give a file name, or csv, jsonl or tsv.")
    if str(path) == STANDARD:
        sys.stdout.flush()
        return Output(Pipe(sys.stdout.buffer, kind, layout), Path(path), None, layout)
    try:
        stream = Path(path).open("wb", buffering=0)     # noqa: SIM115 - the pipe closes it
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from None
    return Output(Pipe(stream, kind, layout), Path(path), None, layout)


def _mark_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _made_from(layout: Layout, kind: Format, options: Mapping[str, Any]) -> dict[str, Any]:
    source = layout.table.where
    size = Path(source).stat().st_size if source != STANDARD and Path(source).is_file() else None
    made = {
        "input": source if source == STANDARD else str(Path(source).resolve()),
        "size": size,
        "format": kind,
        "columns": list(layout.columns),
        **{f"option {name}": value for name, value in options.items()},
    }
    return json.loads(json.dumps(made, default=str))


def _check_mark(part: Path, made_from: dict[str, Any]) -> None:
    """See that the part was made from the same, or write down from what it will be."""
    mark = _mark_of(part)
    if not part.exists():
        with replaced(mark) as draft:
            draft.write_text(json.dumps(made_from, ensure_ascii=True, indent=1), encoding="utf-8")
        return
    try:
        known = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{mark} cannot be read, so nobody knows what {part} was made from.", "Delete both to begin anew.") from None
    for name in {**known, **made_from}:
        if known.get(name) != made_from.get(name):
            raise InputError(f"{part} was begun with {name} {known.get(name)!r}: got {made_from.get(name)!r}.", _OTHER)
