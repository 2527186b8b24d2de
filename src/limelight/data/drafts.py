"""Tables that are not finished yet, written so that a kill at any moment loses at most the rows of the last seconds.

Text goes to one file, a whole line at a time. Parquet goes to a folder of small files, since a Parquet file without its end cannot be read.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from ..errors import InputError
from ..files import sync
from .cells import header_line, line_writer
from .formats import Format
from .layout import Layout
from .rows import Row
from .tables import read_table

if TYPE_CHECKING:
    import pyarrow

KEPT_EVERY = 5.0          # seconds: how much work a kill may cost a Parquet output
PART_ROWS = 4096


@runtime_checkable
class Draft(Protocol):
    """Rows on their way into a file. `kept`: how many rows a kill cannot lose; `first` and `last` are two of those found on opening."""

    kept: int
    first: Row | None
    last: Row | None

    def write(self, row: Row) -> None:
        """Add a row. Raises OSError, with all earlier rows kept, where the disk is full."""
        ...

    def keep(self) -> None:
        """Put all rows where a kill cannot lose them, and close."""
        ...

    def finish(self, path: Path) -> None:
        """Become `path`, whole, close, and be gone."""
        ...


class Pipe:
    """A stream that cannot be taken up again, such as standard output: each row is on its way at once."""

    def __init__(self, stream: BinaryIO, kind: Format, layout: Layout):
        self.kept = 0
        self.first: Row | None = None
        self.last: Row | None = None
        self._stream, self._line = stream, line_writer(kind, layout.columns)
        self._due = header_line(kind, layout.columns) if layout.header else b""     # goes out with the first row

    def write(self, row: Row) -> None:
        """Write and flush a row."""
        self._put(self._line(row))

    def keep(self) -> None:
        """Nothing can be kept; close."""
        self._close()

    def finish(self, path: Path) -> None:       # noqa: ARG002 - there is nothing to rename
        """Write what is due and close."""
        try:
            self._put(b"")
        finally:
            self._close()

    def _put(self, line: bytes) -> None:
        rest, self._due = memoryview(self._due + line), b""
        while rest:     # an unbuffered stream may take a part
            rest = rest[self._stream.write(rest) :]
        self._stream.flush()

    def _close(self) -> None:
        if self._stream is not sys.stdout.buffer:
            self._stream.close()


class TextDraft:
    """Lines at the end of a file. A line is handed to the system whole, or taken back."""

    def __init__(self, path: Path, kind: Format, layout: Layout):
        self.kept = 0
        self.first: Row | None = None
        self.last: Row | None = None
        self._path, self._line = path, line_writer(kind, layout.columns)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.truncate(self._handle, _whole_bytes(path, quoted=kind == "csv"))
            self._end = os.lseek(self._handle, 0, os.SEEK_END)
            if self._end:
                self._count(kind, layout)
            elif layout.header:
                self._put(header_line(kind, layout.columns))
        except BaseException:
            os.close(self._handle)
            raise

    def write(self, row: Row) -> None:
        """Add a line."""
        self._put(self._line(row))
        self.kept += 1

    def keep(self) -> None:
        """Flush to disk and close."""
        with suppress(OSError):      # what is in the file stays there; only a power cut could lose it
            os.fsync(self._handle)
        os.close(self._handle)

    def finish(self, path: Path) -> None:
        """Flush to disk, close, rename."""
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)
        self._path.replace(path)
        sync(path.parent)

    def _put(self, line: bytes) -> None:
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except BaseException:
            os.truncate(self._handle, self._end)
            os.lseek(self._handle, self._end, os.SEEK_SET)
            raise
        self._end += len(line)

    def _count(self, kind: Format, layout: Layout) -> None:
        for row in read_table(self._path, format=kind, header=layout.header).rows:
            self.first = self.first or row
            self.last = row
            self.kept += 1


def _whole_bytes(path: Path, *, quoted: bool) -> int:
    """Where the last whole row ends: at a line feed, and in CSV not one between quotes."""
    whole = at = 0
    inside = False
    with path.open("rb") as stream:
        for line in stream:
            at += len(line)
            inside ^= quoted and line.count(b'"') % 2 == 1
            if line.endswith(b"\n") and not inside:
                whole = at
    return whole


class ParquetDraft:
    """A folder of numbered Parquet files, a new one each few seconds."""

    def __init__(self, folder: Path, layout: Layout):
        from . import parquet  # slow to import, and only Parquet needs it

        self.kept = 0
        self.first: Row | None = None
        self.last: Row | None = None
        self._arrow, self._folder, self._waiting, self._due = parquet, folder, list[Row](), 0.0
        self._schema = layout.arrow_schema()
        self._parts: list[Path] = []
        self._schemas: list[pyarrow.Schema] = []
        folder.mkdir(exist_ok=True)
        for leftover in folder.glob("*.tmp"):
            leftover.unlink()
        for part in sorted(folder.glob("*.parquet")):
            self._count(part)

    def write(self, row: Row) -> None:
        """Add a row; it is on disk after at most `KEPT_EVERY` seconds of further rows."""
        if not self._waiting:
            self._due = time.monotonic() + KEPT_EVERY
        self._waiting.append(row)
        if len(self._waiting) >= PART_ROWS or time.monotonic() >= self._due:
            self._flush()

    def keep(self) -> None:
        """Write what waits."""
        with suppress(OSError, InputError):
            self._flush()

    def finish(self, path: Path) -> None:
        """Write what waits, merge, rename; the folder goes last, so that nothing is lost before the file stands."""
        self._flush()
        whole = self._folder / "whole.tmp"
        self._arrow.merge(self._parts, self._schema or self._arrow.common_schema(self._schemas), whole)
        whole.replace(path)
        sync(path.parent)
        shutil.rmtree(self._folder)

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = self._arrow.to_arrow(self._waiting, self._schema)
        self._arrow.common_schema([*self._schemas, table.schema])      # complains now rather than after hours of work
        part = self._folder / f"{len(self._parts):06d}.parquet"
        self._arrow.write_part(table, part)
        self._parts.append(part)
        if table.schema not in self._schemas:
            self._schemas.append(table.schema)
        self.kept += len(self._waiting)
        self._waiting.clear()

    def _count(self, part: Path) -> None:
        table = read_table(part)
        for row in table.rows:
            self.first = self.first or row
            self.last = row
            self.kept += 1
        self._parts.append(part)
        if table.schema not in self._schemas:
            self._schemas.append(table.schema)
