"""Files replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path to write to; when the block ends well it is flushed to disk and becomes `path`, else it is removed.

    Raises InputError for a folder that is missing, a place that may not be written, or a full disk; `path` is then as it was.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _unwritable(path, error) from None
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o644)
        sync(draft)
        draft.replace(path)
        sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def sync(path: Path) -> None:
    """Make sure that a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> InputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(f"the disk is full: {path} could not be written; what stood there before is untouched.", "Free some space.")
    return InputError(f"{path} cannot be written: {error.strerror}.", "Choose another place, or create the folder.")
