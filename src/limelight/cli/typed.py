"""Messages typed at a terminal: edited, of several lines where wanted, and remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output

from .streams import note

SIGN, MORE = "> ", "  "


def typed(history: Path | None, screen: TextIO) -> Iterator[str]:
    """Each message, as it is sent, until Ctrl-D on an empty line. `history`: the file of earlier ones; `screen`: where to draw."""
    session: PromptSession[str] = PromptSession(
        SIGN, multiline=True, prompt_continuation=MORE, key_bindings=_keys(), history=_history(history), output=create_output(screen)
    )
    while True:
        try:
            text = session.prompt()
        except EOFError:
            return
        if text.strip():
            yield text


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            sound = buffer.text.encode("utf-8", "replace").decode("utf-8")         # a terminal may send bytes that are no letters
            if sound != buffer.text:
                buffer.text = sound
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        if not event.current_buffer.text:
            run_in_terminal(lambda: note("Ctrl-D or /quit ends."))
        event.current_buffer.reset()

    return keys


def _history(path: Path | None) -> History:
    """What was typed before, readable by its owner alone; where no file can be written, what is typed from now on."""
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("ab").close()
    except OSError as error:
        note(f"limelight: note: {path} cannot be written ({error.strerror}): what is typed is not kept.")
        return InMemoryHistory()
    return FileHistory(path)
