"""The real command in a process of its own: pipes that close, disks that are full, Ctrl-C, other encodings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., "subprocess.Popen[bytes]"]
Learnt = list[tuple[str, str]]
WAIT = 120


def ended(process: subprocess.Popen[bytes]) -> tuple[int, bytes, str]:
    """Exit code, standard output, standard error."""
    out, err = process.communicate(timeout=WAIT)
    return process.returncode, out, err.decode()


def test_a_pipe_that_closes_ends_it_quietly_as_sigpipe_ends_others(start: Start, model: Path, learnt: Learnt) -> None:
    feed, mouth = os.pipe()
    process = start("translate", "-m", model, "--batch", 1, "--beam", 1, stdin=feed)
    os.close(feed)
    with os.fdopen(mouth, "wb") as pipe:
        pipe.write(f"{learnt[0][0]}\n".encode())
        pipe.flush()
        assert process.stdout is not None
        assert process.stdout.readline().decode() == learnt[0][1] + "\n"      # answered while the input is still open
        process.stdout.close()
        pipe.write(f"{learnt[1][0]}\n{learnt[2][0]}\n".encode())
    assert process.wait(timeout=WAIT) == -signal.SIGPIPE
    assert process.stderr is not None
    assert process.stderr.read() == b""


@pytest.mark.parametrize("args", [["translate", "Tom."], ["translate", "--file", "in.csv"], ["env"], ["--help"]])
def test_a_full_disk_is_said(start: Start, model: Path, tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "in.csv").write_text("text\nTom.\n")
    args = [*args, "-m", str(model)] if args[0] == "translate" else args
    with Path("/dev/full").open("wb") as full:
        code, _, err = ended(start(*args, stdout=full))
    assert code == 2
    assert err.count("\n") == 1
    assert "the disk is full" in err


def test_ctrl_c_is_130(start: Start, model: Path) -> None:
    feed, mouth = os.pipe()
    process = start("translate", "-m", model, "--batch", 1, stdin=feed)
    os.close(feed)
    os.write(mouth, b"Tom.\n")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    os.close(mouth)
    assert (code, err) == (130, "")


@pytest.mark.parametrize(("encoding", "how"), [("latin-1", ()), ("ascii", ("--look",)), ("ascii", ("--json",))])
def test_any_encoding_of_standard_output_gets_something(start: Start, model: Path, encoding: str, how: tuple[str, ...]) -> None:
    """What it lacks is written as an escape, so nothing is lost."""
    code, out, _ = ended(start("translate", "My sister", "-m", model, *how, env={"PYTHONIOENCODING": encoding}))
    assert code == 0
    text = out.decode(encoding)
    said = json.loads(text)["translation_text"].replace("œ", "\\u0153") if how == ("--json",) else text
    assert said.startswith("Ma s\\u0153ur")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_is_json_in_any_encoding(start: Start, model: Path, encoding: str) -> None:
    """A character beyond U+FFFF has no escape of one piece there, one below U+0100 none of two digits."""
    source = "My sister é 👍 \u0153."
    code, out, _ = ended(start("translate", source, "-m", model, "--json", env={"PYTHONIOENCODING": encoding}))
    assert code == 0
    assert json.loads(out.decode(encoding))["source"] == source


def test_a_kill_in_the_middle_costs_no_finished_row(start: Start, model: Path, learnt: Learnt, tmp_path: Path) -> None:
    many = [learnt[n % 20] for n in range(400)]
    (tmp_path / "in.tsv").write_text("text\n" + "".join(f"{source}\n" for source, _ in many), encoding="utf-8")
    args: tuple[Any, ...] = ("translate", "-m", model, "--file", "in.tsv", "-o", "out.tsv", "--beam", 1, "--batch", 1)
    process = start(*args)
    part = tmp_path / "out.tsv.part"
    while process.poll() is None and (not part.exists() or part.read_bytes().count(b"\n") < 20):
        time.sleep(0.01)
    process.kill()
    ended(process)
    kept = part.read_bytes().count(b"\n") - 1
    assert 19 <= kept < 400
    code, _, err = ended(start(*args[:-1], 32, "--resume"))
    assert code == 0
    assert f"400 rows, {400 - kept} new" in err
    rows = (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()
    assert rows == ["text\ttranslation", *(f"{source}\t{target}" for source, target in many)]
