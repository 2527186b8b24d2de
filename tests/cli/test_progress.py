"""Progress for people: a bar on a terminal, lines for a training anywhere else, and nothing in the way of data."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from limelight.cli.course import line, open_course
from limelight.cli.progress import bar
from limelight.train import Evaluated, Finished, Saved, Started, Stepped, Stopped

Start = Callable[..., "subprocess.Popen[bytes]"]
STEPPED = Stepped(step=50, loss=3.21, nll=2.5, lr=1e-3, grad_norm=1.0, tokens=99, tokens_per_second=4321.0, seconds_left=3725.0)


def test_events_in_words() -> None:
    assert line(Started(0, 100, 8_400_000, "cpu", "bf16")) == "step 0 of 100: 8,400,000 parameters on cpu in bf16"
    assert line(STEPPED) == "step 50: loss 3.210  nll 2.500  lr 1.0e-03  4,321 tokens/s  1:02:05 left"
    assert line(Evaluated(50, {"BLEU": 12.5, "chrF": 30.0})) == "step 50: BLEU 12.5, chrF 30"
    assert line(Saved(50, Path("run/step-50"))) == "step 50: saved run/step-50"
    assert line(Finished(100, 12_345, 61.0)) == "step 100: done, 12,345 target tokens in 0:01:01"
    assert line(Stopped(3, "Ctrl-C")) == ""


def test_without_a_terminal_there_is_no_bar_and_a_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("working", 10, unit="rows") as show_at:
        show_at(10)
    assert capsys.readouterr() == ("", "")
    with open_course(100) as show:
        show(STEPPED)
        show(Stopped(3, "Ctrl-C"))
    out, err = capsys.readouterr()
    assert (out, err) == ("", line(STEPPED) + "\n")


def test_on_a_terminal_there_is_a_bar_with_rate_and_time_left(start: Start, model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("Tom.\n" * 12)
    ours, theirs = pty.openpty()
    process = start("translate", "-m", model, "--file", "in.txt", "-o", "out.txt", "--batch", 2, stderr=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    said = b""
    while select.select([ours], [], [], 120)[0]:
        try:
            said += os.read(ours, 4096)
        except OSError:         # how Linux says that the other end is gone
            break
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", said).decode()
    assert "translating" in text
    assert "12/12" in text
    assert re.search(r"rows +[\d.]+/s", text)
    assert "left" in text


def test_a_training_on_a_terminal_shows_its_pace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("limelight.cli.course.is_terminal", lambda _: True)
    with open_course(100) as show:
        for event in (Started(0, 100, 5, "cpu", "fp32"), STEPPED, Evaluated(50, {"BLEU": 12.5}), Finished(100, 12_345, 61.0)):
            show(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert "training" in err
    assert "step 50: BLEU 12.5" in err
    assert "4,321 tokens/s" in " ".join(err.split())


CODEC = Started(0, 20, 5, "cpu", "fp32", part="codec", counts="pictures")
PARTS = (CODEC, STEPPED, Finished(20, 640, 61.0), Started(0, 100, 7, "cpu", "fp32"))


def test_a_training_in_parts_says_which_and_what_each_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with open_course(100, counted="codes") as show:
        for event in (*PARTS, STEPPED):
            show(event)
    first, step, done, then, again = capsys.readouterr().err.splitlines()
    assert first == "the codec, step 0 of 20: 5 parameters on cpu in fp32"
    assert "4,321 pictures/s" in step
    assert done == "step 20: done, 640 pictures in 0:01:01"
    assert then == "step 0 of 100: 7 parameters on cpu in fp32"
    assert "4,321 codes/s" in again


def test_each_part_has_a_bar_of_its_own_length(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("limelight.cli.course.is_terminal", lambda _: True)
    for count, bar_of in ((1, "training the codec"), (len(PARTS), "training")):
        with open_course(100, counted="codes") as show:
            for event in PARTS[:count]:
                show(event)
        said = " ".join(capsys.readouterr().err.split())
        assert bar_of in said
        assert ("0/20" if count == 1 else "0/100") in said
