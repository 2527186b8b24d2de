"""Tables as they are read: columns, and rows once, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError, did_you_mean
from .formats import Format

if TYPE_CHECKING:
    import pyarrow

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Table:
    """A table that is being read: its columns, and its rows once, in order, as dicts with the columns' types.

    `schema`: the Arrow schema of a Parquet file, else None. `where`: the file's name for messages. `header`: False where the columns'
    names are only their numbers.
    """

    where: str
    format: Format
    columns: tuple[str, ...]
    rows: Iterator[Row]
    schema: pyarrow.Schema | None = None
    header: bool = True

    def column(self, wanted: str | int) -> str:
        """The name of a column, given by name or by number from 0. Raises InputError where there is no such column.

        JSON lines have no header: only the first row is looked at, and none of an empty file; `cell` looks at each row.
        """
        if not self.columns and self.format == "jsonl":
            return str(wanted)
        if not self.columns:
            raise InputError(f"{self.where} is empty: it has no header.", "The first line names the columns.")
        if isinstance(wanted, int):
            if not 0 <= wanted < len(self.columns):
                raise InputError(f"{self.where} has no column {wanted}: it has {len(self.columns)}, counted from 0.")
            return self.columns[wanted]
        if wanted not in self.columns:
            raise InputError(f'{self.where} has no column "{wanted}".', did_you_mean(wanted, self.columns))
        return wanted


def cell(row: Row, column: str, *, where: str, number: int) -> str:
    """The text in a column of row `number` (from 1), empty where it is null. Raises InputError where it is missing or no text."""
    if column not in row:
        raise InputError(f'{where}, row {number}: no "{column}".', did_you_mean(column, row))
    found = row[column]
    if found is None:
        return ""
    if not isinstance(found, str):
        kind = type(found).__name__
        raise InputError(f'{where}, row {number}: "{column}" is {kind}, not text: {str(found)[:40]}.', "Choose another column.")
    return found
