"""A script of ours in a process of its own, for work that cannot be trusted: it is ended where it takes too long or says too much.

The process gets no environment, no open files but its three streams, and the root as its folder. What it may take of memory and of
the processor's time it limits itself, by the request's "memory" and "seconds", before it looks at what is not trusted.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Timer
from typing import Any


class OverrunError(Exception):
    """A process that was ended, or that ended itself, without a reply. Its text is the rest of a sentence: "ran longer than 2 s"."""


@dataclass(frozen=True)
class Limits:
    """`seconds` of the processor and `wall` seconds of any clock; `memory` bytes above what Python needs; `most` bytes of reply."""

    seconds: int = 2
    wall: float = 5.0
    memory: int = 512 << 20
    most: int = 4 << 20


def confined(script: Path, packages: Sequence[Path], request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The script's reply to a request, both tables of JSON. `packages`: folders to import from, beside Python's own library.

    Raises OverrunError for a process that gave none.
    """
    command = [sys.executable, "-I", "-S", str(script), *map(str, packages)]
    kept = {"SYSTEMROOT": os.environ["SYSTEMROOT"]} if os.name == "nt" else {}        # Python does not start on Windows without it
    root, pipe, nowhere = Path(sys.executable).anchor or None, subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere, env=kept, cwd=root, start_new_session=True)
    except OSError as error:
        raise OverrunError(f"got no process to run in: {error.strerror}") from None
    with process:
        timer = Timer(limits.wall, process.kill)
        timer.daemon = True
        timer.start()
        try:
            said = _exchange(process, json.dumps({**request, **asdict(limits)}).encode(), limits.most)
        finally:
            late = not timer.is_alive()
            timer.cancel()
            process.kill()
    return _reply(said, late, process.returncode, limits)


def _exchange(process: subprocess.Popen[bytes], asked: bytes, most: int) -> bytes:
    """What it says, up to a byte too many. It reads all before it writes, so neither waits for the other."""
    if process.stdin is None or process.stdout is None:
        return b""
    with suppress(BrokenPipeError), process.stdin:
        process.stdin.write(asked)
    said = process.stdout.read(most + 1)
    if len(said) <= most:
        process.wait()
    return said


def _reply(said: bytes, late: bool, code: int, limits: Limits) -> dict[str, Any]:
    if len(said) > limits.most:
        raise OverrunError(f"made more than {limits.most >> 20} MB of text")
    if code == -getattr(signal, "SIGXCPU", 0):
        raise OverrunError(f"ran longer than {limits.seconds} s")
    if late:
        raise OverrunError(f"ran longer than {limits.wall:g} s")
    try:
        found = json.loads(said.decode("utf-8", "surrogatepass"))
    except ValueError:
        raise OverrunError(f"ended its process without a reply (exit code {code})") from None
    if not isinstance(found, dict):
        raise OverrunError("broke off its reply")
    return found
