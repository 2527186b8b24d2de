"""The table formats, and which one a file has."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..errors import InputError, did_you_mean

Format = Literal["tsv", "csv", "jsonl", "parquet"]

STANDARD = "-"
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "parquet", "tsv")
_NAMED: dict[str, Format] = {each: each for each in FORMATS}
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".tab": "tsv",
    ".tsv": "tsv",
    ".txt": "tsv",
}


def format_of(path: Path | str, given: str | None = None) -> Format:
    """The format of a table: as given, else by the ending of its name. "-" (a pipe) has no name and no Parquet.

    Raises InputError where it cannot be known, or is not one of csv, jsonl, parquet, tsv.
    """
    if given is not None:
        found = _NAMED.get(given)
        if found is None:
            raise InputError(f'no table format "{given}".', did_you_mean(given, FORMATS))
        if found == "parquet" and str(path) == STANDARD:
            raise InputError("Parquet cannot go through a pipe: it is read from its end.", "Give a file name, or csv, jsonl or tsv.")
        return found
    if str(path) == STANDARD:
        raise InputError('the format of standard input or output ("-") is not known.', "Say csv, jsonl or tsv.")
    ending = Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(f"the format of {path} is not known from its ending {ending!r}.", f"Use {_known()}, or say the format.")
    return _ENDINGS[ending]


def _known() -> str:
    return ", ".join(sorted(_ENDINGS))
