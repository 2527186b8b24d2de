"""Ctrl-C and a polite kill, heard at the end of a step instead of in the middle of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interrupts:
    """While entered, the first signal sets `reason`; a second Ctrl-C raises KeyboardInterrupt. Other threads hear nothing."""

    def __init__(self) -> None:
        self.reason = ""
        self._at_once = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            heard = [s for s in NAMES if signal.getsignal(s) is not signal.SIG_IGN]   # nohup and `&` mean to be deaf
            self._before = {s: signal.signal(s, self._hear) for s in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that a signal may break off with KeyboardInterrupt, because nothing in it would be half done."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def _hear(self, number: int, _: FrameType | None) -> None:
        again = bool(self.reason) and number == signal.SIGINT
        self.reason = NAMES[signal.Signals(number)]
        if again or self._at_once:
            raise KeyboardInterrupt
