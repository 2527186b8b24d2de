"""Files replaced whole or not at all; and files from elsewhere, read only where they are of a size to believe."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import InputError, WeightError

MOST_PARTS = 250_000                     # values of a table: names of 100,000 labels, there and back


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path to write to; when the block ends well it is flushed to disk and becomes `path`, else it is removed.

    A file that was there keeps its permissions, and a link still points to it. Raises InputError for a folder that is missing, a
    place that may not be written, or a full disk; `path` is then as it was.
    """
    try:
        target = Path(os.path.realpath(path))
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        os.close(handle)
    except (OSError, ValueError) as error:                           # ValueError: a name with a null byte in it
        raise _unwritable(path, error) from None
    draft = Path(name)
    try:
        yield draft
        draft.chmod(_mode(target))
        sync(draft)
        draft.replace(target)
        sync(target.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def made(folder: Path) -> Path:
    """The folder, made where it is not there yet. Raises InputError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.", "Choose another place.") from None
    return folder


def inside(folder: Path, name: str) -> Path:
    """A file of the folder, by a name that a file in it gave. Raises WeightError for one that leads elsewhere.

    Links may lead into the folder, or to the blobs of the cache that it is a snapshot of (models--org--name/blobs).
    """
    if Path(name).name != name or name in ("", ".", ".."):
        raise WeightError(f"{folder} names a file outside itself: {name[:80]!r}.", "Do not trust this folder.")
    path, homes = folder / name, [folder.resolve()]
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):                      # nothing there, links in a circle, a name with a null in it
        raise WeightError(f"{folder / repr(name)[1:-1]} is not there.", "Is the folder whole?") from None
    if folder.resolve().parent.name == "snapshots":
        homes.append(folder.resolve().parent.parent / "blobs")
    if not any(real.is_relative_to(home) for home in homes):
        raise WeightError(f"{path} is a link that leaves the folder.", "Do not trust this folder; copy the file if it is yours.")
    if not path.is_file():
        raise WeightError(f"{path} is not there.", "Is the folder whole?")
    return path


def believed(path: Path, most: int) -> bytes:
    """A file of a model's folder. Raises WeightError for one that is not there, has more than `most` bytes, or cannot be read."""
    try:
        if not path.is_file():
            raise WeightError(f"{path} is not there.", "Is the folder whole?")     # a pipe would be waited for
        if (size := path.stat().st_size) > most:
            raise WeightError(f"{path} has {size:,} bytes; at most {most:,} are believed.", "Is it a model folder?")
        return path.read_bytes()
    except OSError as error:
        raise WeightError(f"{path} cannot be read: {error.strerror}.", "Is the folder whole?") from None


def believed_text(path: Path, most: int) -> str:
    """The same as text. Raises WeightError for what is not UTF-8, too."""
    try:
        return believed(path, most).decode("utf-8")
    except UnicodeDecodeError:
        raise WeightError(f"{path} is not UTF-8 text.", "The file is damaged: get it again.") from None


def believed_table(path: Path, most: int, *, parts: int = MOST_PARTS) -> dict[str, Any]:
    """The same as a JSON table. Raises WeightError for what is none, too, and for one of more than about so many `parts`."""
    text = believed_text(path, most)
    if (found := sum(map(text.count, ",[{"))) > parts:               # two bytes of text may become sixty of a list
        raise WeightError(f"{path} holds {found:,} values; at most {parts:,} are believed.", "Is it a model folder?")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:                    # also a number of 5,000 digits, or 5,000 brackets
        raise WeightError(f"{path} is not JSON and cannot be read: {str(error)[:120]}", "The file is damaged: get it again.") from None
    if not isinstance(found, dict):
        raise WeightError(f"{path} holds no table.", "The file is damaged: get it again.")
    return found


def sync(path: Path) -> None:
    """Make sure that a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode(target: Path) -> int:
    """The permissions that stand there, else those of a file that all may read: a temporary file has stricter ones."""
    return stat.S_IMODE(target.stat().st_mode) if target.is_file() else 0o644


def _unwritable(path: Path, error: OSError | ValueError) -> InputError:
    if not isinstance(error, OSError):
        return InputError(f"{str(path)!r} is no name for a file: {error}.", "Choose another name.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(f"the disk is full: {path} could not be written; what stood there before is untouched.", "Free some space.")
    return InputError(f"{path} cannot be written: {error.strerror or error}.", "Choose another place, or create the folder.")
