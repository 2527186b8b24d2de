"""Parquet <-> rows, with the file's schema kept. pyarrow is imported here, and only when a Parquet file is met."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from .lines import unreadable
from .rows import Row, Table

ROWS_AT_ONCE = 1024
GROUP_BYTES = 64 * 2**20      # a row group of the finished file holds about this much before compression

_TYPES: dict[type | GenericAlias, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    list[str]: pa.list_(pa.string()),
    list[int]: pa.list_(pa.int64()),
    list[float]: pa.list_(pa.float64()),
}
_WRONG = (pa.ArrowException, ValueError, TypeError, OverflowError)


def read_parquet(path: Path) -> Table:
    """Open a Parquet file; see `read_table`. Instants and durations stay Arrow scalars, since Python's lose nanoseconds and folds."""
    try:
        with path.open("rb"):
            pass
        file = pq.ParquetFile(path)
    except OSError as error:
        raise unreadable(path, error) from None
    except pa.ArrowException as error:
        raise _broken(path, error) from None
    schema = file.schema_arrow
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise InputError(f"{path}: two columns are named {', '.join(twice)}.", "Give each column a name of its own.")
    return Table(str(path), "parquet", tuple(schema.names), _rows(path, file), schema=schema)


def _rows(path: Path, file: pq.ParquetFile) -> Iterator[Row]:
    try:
        with file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                columns = [_values(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    yield dict(zip(batch.schema.names, cells, strict=True))
    except (*_WRONG, OSError) as error:
        raise _broken(path, error) from None


def _values(column: pa.Array) -> Sequence[Any]:
    exact = not pa.types.is_temporal(column.type) or pa.types.is_date(column.type)
    return column.to_pylist() if exact else [cell if cell.is_valid else None for cell in column]


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0][:200]}", "Is it whole, and is it Parquet?")


def arrow_type(kind: type | GenericAlias) -> pa.DataType:
    """The Arrow type of a new column. Raises InputError for a type that has none."""
    if get_origin(kind) is list and is_typeddict(row := get_args(kind)[0]):
        return pa.list_(pa.struct([(name, arrow_type(inner)) for name, inner in get_type_hints(row).items()]))
    if kind not in _TYPES:
        raise InputError(f"a new column cannot hold {kind}.", f"Use {', '.join(getattr(t, '__name__', str(t)) for t in _TYPES)}.")
    return _TYPES[kind]


def with_columns(schema: pa.Schema, added: Mapping[str, type | GenericAlias]) -> pa.Schema:
    """The schema with new columns at its end; one whose name is there already takes its place."""
    for name, kind in added.items():
        field = pa.field(name, arrow_type(kind))
        at = schema.get_field_index(name)
        schema = schema.append(field) if at < 0 else schema.set(at, field)
    return schema


def to_arrow(rows: list[Row], schema: pa.Schema | None) -> pa.Table:
    """Rows as an Arrow table, by the schema, or by what their values look like. Raises InputError where they do not fit."""
    try:
        if schema is None:
            names = list(dict.fromkeys(name for row in rows for name in row))
            return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
        if extra := next((name for row in rows for name in row if name not in schema.names), None):
            raise InputError(f'a row has a column "{extra}" that the table has not.', "Write JSON lines, where each row has its own.")
        return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)
    except _WRONG as error:
        raise InputError(f"rows do not fit Parquet's columns: {str(error).splitlines()[0][:200]}", "Write JSON lines.") from None


def write_part(table: pa.Table, path: Path) -> None:
    """One Parquet file, whole or not at all: written beside, flushed to disk, renamed. Raises OSError where it cannot be."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    draft = path.with_suffix(".tmp")
    with draft.open("wb") as stream:
        stream.write(sink.getvalue())
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """A schema that all fit into; columns that are null everywhere become text. Raises InputError where there is none."""
    try:
        found = pa.unify_schemas(list(schemas), promote_options="permissive")
    except _WRONG as error:
        raise InputError(f"rows do not fit each other: {str(error).splitlines()[0][:200]}", "Write JSON lines.") from None
    for at, field in enumerate(found):
        if pa.types.is_null(field.type):
            found = found.set(at, field.with_type(pa.string()))
    return found


def merge(parts: Sequence[Path], schema: pa.Schema, path: Path) -> None:
    """All rows of the parts, in order, in one file with row groups of a useful size."""
    with path.open("wb") as stream:
        with pq.ParquetWriter(stream, schema) as writer:
            waiting: list[pa.Table] = []
            for part in parts:
                waiting.append(pq.ParquetFile(part).read())
                if sum(table.nbytes for table in waiting) >= GROUP_BYTES:
                    writer.write_table(_one(waiting, schema))
                    waiting.clear()
            if waiting:
                writer.write_table(_one(waiting, schema))
        stream.flush()
        os.fsync(stream.fileno())


def _one(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    whole = pa.concat_tables([schema.empty_table(), *tables], promote_options="permissive")
    return whole.select(schema.names).cast(schema)
