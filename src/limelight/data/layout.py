"""Which columns an output has: those of the input, and new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import GenericAlias
from typing import TYPE_CHECKING

from .rows import Table

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, eq=False)
class Layout:
    """The columns of `table` in their order, then those `added` (name -> str, int, float, bool, a list of str, int or float, or a list
    of a TypedDict of such).

    An added column with the name of one that is there takes its place.
    """

    table: Table
    added: Mapping[str, type | GenericAlias]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(dict.fromkeys((*self.table.columns, *self.added)))

    @property
    def header(self) -> bool:
        """Whether CSV and TSV begin with a line of names: yes, unless the input has none."""
        return self.table.header

    def arrow_schema(self) -> pyarrow.Schema | None:
        """The schema of a Parquet output; None from JSON lines, whose types only their rows tell."""
        import pyarrow

        from .parquet import with_columns

        if self.table.format == "jsonl":
            return None
        text = pyarrow.schema([(name, pyarrow.string()) for name in self.table.columns])
        return with_columns(text if self.table.schema is None else self.table.schema, self.added)
