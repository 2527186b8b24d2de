"""Rows as lines of text: JSON, CSV or TSV."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import date, time
from typing import Any

from ..errors import InputError
from .formats import Format
from .rows import Row

_HALF = re.compile("[\ud800-\udfff]")


def line_writer(kind: Format, columns: Sequence[str]) -> Callable[[Row], bytes]:
    """What turns a row into one whole line of UTF-8.

    JSON lines keep each row's own keys. CSV and TSV have `columns`: a value that is absent or null is an empty cell, other values than text
    are written as in JSON, bytes as base64, and half surrogate pairs as U+FFFD. It raises InputError for a column that is not among
    them, and for TSV, which has no quoting, for a cell with a tab or a line end.
    """
    if kind == "jsonl":
        return _json_line
    render = _csv_line if kind == "csv" else _tsv_line

    def line(row: Row) -> bytes:
        if len(row.keys() - columns):
            extra = next(name for name in row if name not in columns)
            raise InputError(f'a row has a column "{extra}" that the table has not.', "Write JSON lines, where each row has its own.")
        return render([(name, as_text(row.get(name))) for name in columns])

    return line


def header_line(kind: Format, columns: Sequence[str]) -> bytes:
    """The line that names the columns; nothing for JSON lines."""
    return b"" if kind == "jsonl" else line_writer(kind, columns)(dict(zip(columns, columns, strict=True)))


def as_text(cell: Any) -> str:
    """A value as the text of a CSV or TSV cell."""
    if isinstance(cell, str):
        return cell
    if cell is None:
        return ""
    plain = _plain(cell) if not isinstance(cell, bool | int | float | list | dict | tuple) else cell
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=_plain)


def without_halves(text: str) -> str:
    """Half surrogate pairs, which have no UTF-8 form, replaced."""
    return _HALF.sub("\ufffd", text)


def _plain(cell: Any) -> Any:
    """What JSON has no word for, as text."""
    if isinstance(cell, bytes):
        return base64.b64encode(cell).decode("ascii")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if hasattr(cell, "as_py"):      # an Arrow scalar, which says more than a datetime can
        return str(cell.cast("string"))
    return str(cell)


def _json_line(row: Row) -> bytes:
    text = json.dumps(row, ensure_ascii=False, default=_plain)
    if _HALF.search(text):      # has no UTF-8 form, but an escaped one
        text = json.dumps(row, default=_plain)
    return text.encode() + b"\n"


def _csv_line(cells: list[tuple[str, str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([text for _, text in cells])     # this end has both of \r and \n quoted in cells
    return _encoded(buffer.getvalue()[:-2])


def _tsv_line(cells: list[tuple[str, str]]) -> bytes:
    for name, text in cells:
        if "\t" in text or "\n" in text or text.endswith("\r"):
            raise InputError(f'a cell of "{name}" holds a tab or a line end, which TSV cannot: {text[:40]!r}.', "Write CSV or JSON lines.")
    return _encoded("\t".join(text for _, text in cells))


def _encoded(text: str) -> bytes:
    return without_halves(text).encode() + b"\n"
