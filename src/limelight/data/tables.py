"""Tables in, row by row: TSV, CSV, JSON lines and Parquet, from a file or standard input, in a memory that does not grow with the file."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from ..errors import InputError
from .formats import Format, format_of
from .lines import lines, raw_lines
from .rows import Row, Table

_LONGEST_CELL = 2**31 - 1


def read_table(path: Path | str, *, format: str | None = None, header: bool = True) -> Table:
    """Open a table. `format`: csv, jsonl, parquet or tsv, by default from the name's ending; "-" is standard input.

    TSV: cells are what stands between tabs, without any quoting, so a cell holds no tab and no line end. CSV: commas, cells in double
    quotes where needed (RFC 4180). `header` False: the first line is a row, and the columns are named "0", "1" ... A blank line is
    skipped, except in a table of one column, where it is an empty cell. JSON lines: an object a line. Rows keep their types; nothing is
    guessed from text.
    Raises InputError, here or at the row, for: no such file, no UTF-8, bad JSON, a row of the wrong width, two columns of one name.
    """
    kind = format_of(path, format)
    if kind == "parquet":
        from .parquet import read_parquet

        return read_parquet(Path(path))
    if kind == "jsonl":
        return _read_json_lines(path)
    cells = _tsv(path) if kind == "tsv" else _csv(path)
    return _read_cells(str(path), kind, cells, header=header)


def _tsv(path: Path | str) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines(path):
        yield number, line.split("\t") if line else []


def _csv(path: Path | str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader((text for _, text in raw_lines(path)), strict=True)
    number = 1
    try:
        for row in reader:
            yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {number}: {error}.", "Is a quote left open, or is it a TSV file?") from None


def _read_cells(where: str, kind: Format, cells: Iterator[tuple[int, list[str]]], *, header: bool) -> Table:
    first = next(cells, None)
    if first is None:
        return Table(where, kind, (), iter(()), header=header)
    if header:
        columns = tuple(first[1] or [""])
        _check_names(where, columns)
    else:
        columns = tuple(str(n) for n in range(max(1, len(first[1]))))
        cells = chain([first], cells)
    return Table(where, kind, columns, _rows(where, columns, cells), header=header)


def _rows(where: str, columns: Sequence[str], cells: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
    for number, row in cells:
        if not row and len(columns) > 1:
            continue
        row = row or [""]
        if len(row) != len(columns):
            raise InputError(
                f"{where}, line {number}: {_count(len(row), 'cell')}, but the table has {_count(len(columns), 'column')}.",
                "Is a tab, comma or quote missing or too many?",
            )
        yield dict(zip(columns, row, strict=True))


def _read_json_lines(path: Path | str) -> Table:
    rows = _objects(path)
    first = next(rows, None)
    if first is None:
        return Table(str(path), "jsonl", (), iter(()))
    return Table(str(path), "jsonl", tuple(first), chain([first], rows))


def _objects(path: Path | str) -> Iterator[Row]:
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: not JSON: {error}.", "Each line is one JSON object.") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}, line {number}: a JSON {type(row).__name__}, not an object.", 'Each line is like {"text": "..."}.')
        yield row


def _check_names(where: str, columns: Sequence[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"{where}: {_count(len(twice), 'column name')} twice: {', '.join(twice)}.", "Give each column a name of its own.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
