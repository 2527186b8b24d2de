"""Files of marks, read with care: of a size to believe, and naming pictures within their own folder only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import InputError


def read_bytes(path: Path, most: int) -> bytes:
    """A file. Raises InputError for one that is not there, cannot be read, or has more than `most` bytes."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}.", "Is the name right?")
        if (size := path.stat().st_size) > most:
            raise InputError(f"{path} has {size:,} bytes; at most {most:,} are read.", "Is it the right file?")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "May you read it?") from None


def within(folder: Path, name: object, where: str) -> Path:
    """The file of a folder that something names. Raises InputError for a name that leads out of it."""
    told = PurePosixPath(name) if isinstance(name, str) and name and "\0" not in name else None
    if told is None or told.is_absolute() or ".." in told.parts:
        raise InputError(f"{where}: {str(name)[:80]!r} is no name of a picture beside it.", "Do not trust this file; write plain names.")
    return folder / told


def number(told: Mapping[str, Any], name: str, where: str) -> float:
    """A number of a table. Raises InputError where there is none."""
    found = told.get(name)
    try:
        if math.isfinite(value := float(found)):                     # pyright: ignore[reportArgumentType]
            return value
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{where}: {name} is a number: got {str(found)[:40]!r}.", "The file is damaged, or of another form.")
