"""Standard output and error as other tools treat them: data on one, all else on the other, no traceback for a closed pipe."""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import signal
import sys
from contextlib import suppress

from ..errors import InputError

ESCAPED = "limelight.escaped"


def prepare() -> None:
    """Let any character out, whatever the terminal's encoding: one that it lacks is written as an escape."""
    codecs.register_error(ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """As JSON writes them, so that JSON stays JSON: Python's own escapes (\\xe9, \\U0001f44d) are none there."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def say(text: str, end: str = "\n") -> None:
    """Write data to standard output, at once. Raises InputError where the disk is full; a closed pipe is BrokenPipeError."""
    try:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cut_short(error) from None


def note(text: str, *, whole: bool = False) -> None:
    """Write a line for people to standard error. What could steer a terminal is shown as an escape; `whole` leaves line ends."""
    shown = text if whole else " ".join(text.split("\n"))
    steady = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape", "replace").decode() for c in shown)
    with suppress(OSError, ValueError):         # nobody listens: the exit code still tells
        print(steady, file=sys.stderr, flush=True)


def flush() -> None:
    """Push out what is still on its way. Raises as `say` does."""
    say("", end="")


def is_terminal(stream: object) -> bool:
    """Whether a person is looking."""
    try:
        return bool(stream.isatty())        # pyright: ignore[reportAttributeAccessIssue]
    except (AttributeError, ValueError):
        return False


def hang_up() -> int:
    """End as SIGPIPE ends a process: silently, with the status that shells know."""
    _drop()
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    return 141


def close(code: int) -> int:
    """The exit code, once standard output is empty; what cannot be written any more is dropped, so that Python does not complain."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _drop()
        if code == 0:
            note(f"limelight: error: {cut_short(error)}")
        return code or 2
    return code


def _drop() -> None:
    with suppress(OSError, ValueError, io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def cut_short(error: OSError) -> InputError:
    """What to say of output that ended too soon."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    what = "the disk is full" if full else f"standard output cannot be written ({error.strerror})"
    return InputError(f"{what}: the output is cut short.", "Write to a place with room; for files, --output and --resume lose nothing.")
