"""Where messages come from: keys as a terminal sends them, lines and JSON from a pipe."""

from __future__ import annotations

import io
import os
import pty
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from limelight.cli import prompt, typed
from limelight.cli.prompt import Command, Prompt, history_file
from limelight.errors import InputError

CLEAR_LINE, END = "\x03", "\x04"
ALT_ENTER, UP = "\x1b\r", "\x1b[A"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"


@contextmanager
def keys(*pressed: str) -> Iterator[Iterator[None]]:
    """A terminal at which keys are pressed, the first at once and the others when they are asked for; its screen is not drawn."""
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input

    with create_pipe_input() as pipe, create_app_session(input=pipe):
        more = (pipe.send_text(each) for each in pressed)
        next(more)
        yield more


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from prompt_toolkit.output import DummyOutput

    monkeypatch.setattr(prompt, "_screen", lambda: sys.__stderr__)
    monkeypatch.setattr(typed, "create_output", lambda _: DummyOutput())


def all_of(source: Prompt) -> list[str]:
    return list(iter(source.read, None))


@pytest.mark.parametrize(
    ("pressed", "read"),
    [
        ("Hello.\r", ["Hello."]),
        ("one\rtwo\r", ["one", "two"]),
        ("\r  \rx\r", ["x"]),
        ("first \\\rsecond\\\r\r", ["first \nsecond\n"]),
        ("a\\b\rc\r", ["a\\b", "c"]),
        ("a\\\x1b[D\r", ["a\\"]),                         # the cursor is before the backslash
        (f"first{ALT_ENTER}second\r", ["first\nsecond"]),
        (f"{PASTE}first\r\nsecond\n\nlast{PASTED}\r", ["first\nsecond\n\nlast"]),
        (f"{PASTE}line\n{PASTED}more\r", ["line\nmore"]),
        (f"{PASTE}/quit\nis a word{PASTED}\r", ["/quit\nis a word"]),
        (f"never{CLEAR_LINE}sent\r", ["sent"]),
        (f"never\\\rnot{CLEAR_LINE}sent\r", ["sent"]),
        (f"{CLEAR_LINE}{CLEAR_LINE}sent\r", ["sent"]),
        ("é黒🙂\r", ["é黒🙂"]),
        (f"unsent{CLEAR_LINE}", []),
    ],
)
@pytest.mark.usefixtures("terminal")
def test_keys_become_messages(pressed: str, read: list[str]) -> None:
    with keys(pressed + END):
        source = Prompt()
        assert source.typed
        assert all_of(source) == read
        assert source.read() is None


@pytest.mark.usefixtures("terminal")
def test_earlier_messages_come_back() -> None:
    with keys("one\r", "two\r", f"{UP}{UP}!\r", f"{UP}{UP}\r") as press:
        source, found = Prompt(), []
        for _ in range(4):
            found.append(source.read())
            next(press, None)
        assert found == ["one", "two", "one!", "two"]


@pytest.mark.usefixtures("terminal")
def test_words_are_done_and_not_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    with keys("/clear\r/cler\r /clear\r/home/x\rtell /clear\r/help\r/quit\rafter\r"):
        source = Prompt({"clear": Command("forget the conversation", lambda: done.append("clear"))})
        assert all_of(source) == [" /clear", "/home/x", "tell /clear"]
        assert source.read() is None
    assert done == ["clear"]
    said = capsys.readouterr().err
    assert 'There is no /cler.   Did you mean "clear"?' in said
    assert "/clear   forget the conversation\n/help    show this\n/quit    end, as Ctrl-D does\nEnter sends" in said


@pytest.mark.usefixtures("terminal")
def test_an_empty_line_says_how_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    with keys(f"x{CLEAR_LINE}y\r"):
        assert Prompt().read() == "y"
    assert "ends" not in capsys.readouterr().err
    with keys(f"{CLEAR_LINE}y\r"):
        assert Prompt().read() == "y"
    assert "Ctrl-D or /quit ends." in capsys.readouterr().err


@pytest.mark.usefixtures("terminal")
def test_what_was_typed_comes_back_another_day(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "chat"
    with keys(f"one\\\rmore\r{END}"):
        assert all_of(Prompt(history=kept)) == ["one\nmore"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    typed_again = f"{UP}{UP}!\r{END}"                     # up within the message, as it has two lines; then nothing older
    with keys(typed_again):
        assert all_of(Prompt(history=kept)) == ["one!\nmore"]


@pytest.mark.usefixtures("terminal")
def test_without_a_place_for_history_nothing_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with keys("x\r"):
        assert Prompt(history=tmp_path / "file" / "chat").read() == "x"
    assert "what is typed is not kept" in capsys.readouterr().err


def test_history_lies_in_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert history_file("chat") == tmp_path / "limelight" / "chat"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for told in ("", "relative/place"):
        monkeypatch.setenv("XDG_STATE_HOME", told)
        assert history_file("chat") == tmp_path / "home" / ".local" / "state" / "limelight" / "chat"

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(prompt.Path, "home", homeless)
    assert history_file("chat") is None


# --- pipes ----------------------------------------------------------------------------------------------------------
def piped(monkeypatch: pytest.MonkeyPatch, data: bytes, **how: Any) -> Prompt:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    return Prompt({"clear": Command("", pytest.fail)}, **how)


def test_a_line_of_a_pipe_is_a_message_and_never_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    source = piped(monkeypatch, "one\r\n\n  \n/quit\n/clear\nback\\\né last".encode())
    assert not source.typed
    assert all_of(source) == ["one", "/quit", "/clear", "back\\", "é last"]
    assert source.read() is None


def test_lines_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'"two\\nlines"\n\n{"content": "/quit"}\n{"role": "user", "content": ""}\n'
    assert all_of(piped(monkeypatch, data, as_json=True)) == ["two\nlines", "/quit", ""]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("7", "line 2 holds no message"),
        ("null", "line 2 holds no message"),
        ('{"text": "x"}', "line 2 says 'text', which is not heard"),
        ('{"content": ["x"]}', "line 2 holds no message"),
        ("{}", "line 2 holds no message"),
        ('{"role": "system", "content": "x"}', "line 2 has the role 'system'"),
    ],
)
def test_a_line_that_is_no_message_is_refused(monkeypatch: pytest.MonkeyPatch, line: str, said: str) -> None:
    source = piped(monkeypatch, f'"fine"\n{line}\n'.encode(), as_json=True)
    assert source.read() == "fine"
    with pytest.raises(InputError, match=said):
        source.read()


def test_a_pipe_that_is_not_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="line 1: byte 2"):
        piped(monkeypatch, b"a\xff\n").read()


# --- a real terminal ------------------------------------------------------------------------------------------------
SCRIPT = """
import json
from limelight.cli.prompt import Command, Prompt
source = Prompt({"clear": Command("forget", lambda: print("CLEARED", flush=True))})
while (text := source.read()) is not None:
    print("READ", json.dumps(text), flush=True)
print("ENDED")
"""


def test_a_real_terminal_draws_on_standard_error_and_leaves_output_to_data() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    drawn = b""
    pasted = f"{PASTE}a\nb{PASTED}\r".encode()
    presses = [b"one\r", b"\xff\r", pasted, b"gone\x03kept\r", b"gone\x03", b"\x1b[A!\r", b"/clear\r", END.encode()]
    for press in presses:
        drawn += until_quiet(ours)
        os.write(ours, press)
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert out.decode().splitlines() == ['READ "one"', 'READ "?"', 'READ "a\\nb"', 'READ "kept"', 'READ "kept!"', "CLEARED", "ENDED"]
    assert b"> " in drawn
    assert process.returncode == 0


def until_quiet(terminal: int) -> bytes:
    """What is drawn until nothing more comes."""
    drawn, until = b"", time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.3)[0]:
            drawn += os.read(terminal, 4096)
            if b"\x1b[6n" in drawn[-16:]:
                os.write(terminal, b"\x1b[1;1R")          # where the cursor is, which is asked for
        elif drawn:
            break
    return drawn


def test_a_pipe_does_not_wait_for_what_draws() -> None:
    code = "import sys; from limelight.cli.prompt import Prompt; print(Prompt().read(), 'prompt_toolkit' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], input="Hello.\n", capture_output=True, text=True)
    assert done.stdout.strip() == "Hello. False"
