"""One training a folder: two would delete each other's checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import TrainError

try:
    import fcntl
except ImportError:      # Windows has no flock; there the folder is not guarded
    fcntl = None


@contextmanager
def alone_in(folder: Path | None) -> Iterator[None]:
    """A block that holds the folder, made if need be; the lock falls with the process, however that ends.

    Raises TrainError where another training holds it, or it cannot be made.
    """
    if folder is None:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"cannot make the folder {folder}: {error}", "Give another folder.") from error
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainError(f"another training is at work in {folder}.", "Wait for it, stop it, or give another folder.") from error
        yield
    finally:
        os.close(handle)
