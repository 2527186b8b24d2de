"""`limelight claims`: listed, measured, reported; one line for what is wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ran import Ran, one_line

from limelight.claims import Findings, claims, register
from limelight.claims import quadratic as quadratic_claim
from limelight.values import parse


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim about cost by length, over a few tokens: as many as show in memory."""
    small = quadratic_claim.Setting(lengths=(128, 256), width=64, heads=8, window=8, rounds=6)
    monkeypatch.setattr(quadratic_claim, "CLAIM", replace(quadratic_claim.CLAIM, sizes={"quick": small, "full": small}))
    monkeypatch.setattr(register, "NAMES", ("mask", "quadratic"))


def test_listed(limelight: Callable[..., Ran]) -> None:
    ran = limelight("claims")
    assert ran.code == 0
    assert [line.split()[1] for line in ran.lines[1:]] == list(claims())
    assert "not measured" in ran.out
    assert ran.out == limelight("claims", "list").out


def test_listed_as_json(limelight: Callable[..., Ran]) -> None:
    told = [json.loads(line) for line in limelight("claims", "--json").lines]
    assert [each["name"] for each in told] == list(claims())
    assert all(each["statement"] and each["source"] and each["refuted_by"] for each in told)
    assert [each["number"] for each in told] == sorted(each["number"] for each in told)


def test_measured_and_reported(limelight: Callable[..., Ran], tiny: None, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ran = limelight("claims", "run", "quadratic", "--quick", "--seeds", 1)
    assert ran.code == 0
    assert ran.out.startswith("quadratic: ")
    assert (tmp_path / "runs/claims/results/quadratic.json").is_file()
    assert "quadratic" in ran.err
    page = limelight("claims", "report", "--out", "page")
    assert page.code == 0
    assert (tmp_path / "page/README.md").is_file()
    assert (tmp_path / "page/plots/quadratic-1.svg").is_file()
    listed = limelight("claims", "list", "--json").lines
    assert [json.loads(line)["size"] for line in listed] == [None, "quick"]


def test_measured_as_json(limelight: Callable[..., Ran], tiny: None) -> None:
    (line,) = limelight("claims", "run", "quadratic", "--folder", "here", "--json").lines
    found = parse(Findings, json.loads(line))
    assert found.claim == "quadratic"
    assert found.conditions.size == "full"
    assert found.conditions.seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (("claims", "run", "msk"), ('no claim "msk"', 'Did you mean "mask"?')),
        (("claims", "rum", "mask"), ("claims rum", 'Did you mean "run"?')),
        (("claims", "run"), ("NAME",)),
        (("claims", "run", "mask", "--seeds", "0"), ("--seeds", "greater than or equal to 1")),
        (("claims", "report"), ("no findings", "limelight claims run all --quick")),
        (("claims", "run", "mask", "--quik"), ("--quik", "--quick")),
    ],
)
def test_refused_in_one_line(limelight: Callable[..., Ran], args: tuple[str, ...], parts: tuple[str, ...]) -> None:
    one_line(limelight(*args), *parts)


def test_a_folder_that_cannot_be_made(limelight: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_line(limelight("claims", "run", "mask", "--folder", "file"), "cannot be made")


def test_data_that_are_not_there(limelight: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIMELIGHT_DATA", str(tmp_path))
    one_line(limelight("claims", "run", "mask", "--quick"), "tinyshakespeare", "LIMELIGHT_DATA")


def test_help_shows_examples(limelight: Callable[..., Ran]) -> None:
    for args in (("claims",), ("claims", "run"), ("claims", "report")):
        ran = limelight(*args, "--help")
        assert ran.code == 0
        assert "Examples:" in ran.out


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(start: Callable[..., subprocess.Popen[bytes]], data_sets: Path, tmp_path: Path) -> None:
    process = start("claims", "run", "quadratic", "--quick", "--folder", "here", env={"LIMELIGHT_DATA": str(data_sets)})
    cells = tmp_path / "here" / "cells"
    limit = time.monotonic() + 120
    while not list(cells.glob("*.json")):
        assert time.monotonic() < limit
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"the same command goes on" in err
    assert b"Traceback" not in err
    assert not (tmp_path / "here/results/quadratic.json").exists()
