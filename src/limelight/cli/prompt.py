"""Prompt: the messages of a conversation one at a time, typed at a terminal or a line each from a pipe."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..data.formats import STANDARD
from ..data.lines import lines
from ..errors import InputError, did_you_mean
from .streams import is_terminal, note

WHERE = "standard input, line"
KEYS = """Enter sends; a \\ at the end of a line, or Alt-Enter, goes on with another line. Pasted lines are one message.
Ctrl-C clears what is typed, and ends an answer that is being written. Ctrl-D ends. Up and down bring back earlier messages."""


@dataclass(frozen=True)
class Command:
    """What a typed /word does. `what`: one line for /help."""

    what: str
    do: Callable[[], None]


class Prompt:
    """Where messages come from. At a terminal: line editing, `history` kept in a file (None: for this conversation only), and
    /words, which are done and not handed on: /help and /quit, and `commands` by name. From a pipe: a line is a message and
    nothing is a command; with `as_json` a line is a JSON text, or a table with the text as its "content".
    """

    def __init__(self, commands: Mapping[str, Command] | None = None, *, as_json: bool = False, history: Path | None = None):
        self._commands = {**(commands or {}), "help": Command("show this", self._help), "quit": Command("end, as Ctrl-D does", self._quit)}
        self._open = True
        screen = _screen()
        self.typed = screen is not None
        self._messages = _typed(history, screen) if screen is not None else _piped(as_json)

    def read(self) -> str | None:
        """The next message; None where there is no more. Blank ones are passed over, unless JSON says that one is meant.

        Raises InputError for a line that is not UTF-8, or with `as_json` no message.
        """
        while self._open and (text := next(self._messages, None)) is not None:
            if not (self.typed and self._obeyed(text)):
                return text
        self._open = False
        return None

    def _obeyed(self, text: str) -> bool:
        """Do what a /word asks for; False for a message."""
        found = re.fullmatch(r"/([a-z]+)\s*", text)
        if found is None:
            return False
        command = self._commands.get(found[1])
        if command is None:
            note(f"There is no /{found[1]}.   {did_you_mean(found[1], self._commands)}   A space before the / sends it as a message.")
        else:
            command.do()
        return True

    def _help(self) -> None:
        note("\n".join([*(f"/{name:<8}{command.what}" for name, command in sorted(self._commands.items())), KEYS]), whole=True)

    def _quit(self) -> None:
        self._open = False


def history_file(name: str) -> Path | None:
    """Where what was typed is kept: below XDG_STATE_HOME, else ~/.local/state. None for a user without a home."""
    told = Path(os.environ.get("XDG_STATE_HOME", ""))
    try:
        base = told if told.is_absolute() else Path.home() / ".local" / "state"         # a relative one is to be ignored, says XDG
    except RuntimeError:
        return None
    return base / "limelight" / name


def _screen() -> TextIO | None:
    """Where to draw what is typed: standard output is for data, so only where nothing else is a terminal."""
    return next(filter(is_terminal, (sys.stderr, sys.stdout)), None) if is_terminal(sys.stdin) else None


def _typed(history: Path | None, screen: TextIO) -> Iterator[str]:
    from .typed import typed  # a pipe need not wait for it to load

    return typed(history, screen)


def _piped(as_json: bool) -> Iterator[str]:
    for number, line in lines(STANDARD):
        if line.strip():
            yield _message(line, number) if as_json else line


def _message(line: str, number: int) -> str:
    """A line of JSON as a message."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{WHERE} {number} is not JSON: {str(error)[:120]}.", 'Wanted is a line such as {"content": "Hello."}') from None
    if isinstance(told, dict):
        more = sorted(told.keys() - {"role", "content"})
        if more or told.get("role", "user") != "user":
            what = f"says {more[0]!r}, which is not heard" if more else f"has the role {told['role']!r}"
            raise InputError(f"{WHERE} {number} {what}.", "Only a user's content is read: the model gives the other side.")
        told = told.get("content")
    if not isinstance(told, str):
        raise InputError(f"{WHERE} {number} holds no message.", 'Wanted is a JSON text, or a table such as {"content": "Hello."}')
    return told
