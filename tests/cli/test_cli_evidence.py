"""limelight eval --evidence and classify --method: how far to trust what says which words decided."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

from limelight.look.evidence import METHODS
from reviews import IPHONE, reader

Run = Callable[..., Any]
ROWS = "text\tlabel\nthe camera is amazing\tPOSITIVE\nthe battery is terrible\tNEGATIVE\nso awful !\tNEGATIVE\n"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model that was set by hand."""
    return reader(tmp_path_factory.mktemp("models") / "moods")


@pytest.fixture
def moods(known: Path, tmp_path: Path) -> Path:
    """The same in a folder that may be written to."""
    return Path(shutil.copytree(known, tmp_path / "moods"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Three texts with their labels."""
    path = tmp_path / "rows.tsv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_all_ways_are_measured_and_kept(limelight: Run, moods: Path, rows: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    args = ("eval", moods, "--file", rows, "--evidence", 2, "--page", "evidence.md", "--save")
    done = limelight(*args, "--json")
    found = json.loads(done.out)
    assert found["evidence_texts"] == 2
    assert {each["method"] for each in found["evidence"]} == {*METHODS, "random order"}
    first = found["evidence"][0]
    assert first["comprehensiveness"]["low"] <= first["comprehensiveness"]["mean"] <= first["comprehensiveness"]["high"]
    assert "evidence.md: 2 texts." in done.err
    page = (tmp_path / "evidence.md").read_text(encoding="utf-8")
    assert f"Best: **{first['method']}**" in page
    assert "--evidence 2 --page evidence.md`" in page
    assert list((tmp_path / "evidence").glob("*.json"))
    why = json.loads(limelight("classify", "-m", moods, IPHONE, "--why", "--json").out)["why"]
    assert why["method"] == first["method"]
    assert (why["faithfulness"]["rank"], why["faithfulness"]["n"]) == (1, 2)
    assert why["faithfulness"]["comprehensiveness"] == pytest.approx(first["comprehensiveness"]["mean"], abs=1e-4)
    shown = limelight(*args[:-1]).out
    assert f"{first['method']}: comprehensiveness " in shown


def test_another_way_by_name(limelight: Run, moods: Path) -> None:
    done = limelight("classify", "-m", moods, IPHONE, "--method", "gradient-x-input")
    assert "Effect: the slope of the log-odds of POSITIVE" in done.out
    assert "Faithfulness of gradient-x-input: not measured for this model." in done.out
    assert "score without it" not in done.out
    slip = limelight("classify", "-m", moods, IPHONE, "--method", "gradient-x-inputs")
    one_line(slip, "gradient-x-inputs", 'Did you mean "gradient-x-input"')


def test_what_does_not_go_together(limelight: Run, moods: Path, rows: Path, model: Path, tmp_path: Path) -> None:
    usual = ("eval", moods, "--file", rows)
    one_line(limelight(*usual, "--page", "evidence.md"), "--page is about --evidence", "--evidence 100")
    one_line(limelight(*usual, "--evidence", 2, "--page", "evidence.html"), "written as Markdown")
    one_line(limelight(*usual, "--evidence", 2, "--align"), "--align is about translations", "Give one of them")
    (tmp_path / "pairs.tsv").write_text("source\ttarget\nTom eats.\tTom mange.\n", encoding="utf-8")
    one_line(limelight("eval", model, "--file", "pairs.tsv", "--evidence", 2), "--evidence is about the words that decide a class")
