"""The pages about families say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from benchmarks import families, tables

from limelight.families import FAMILIES
from published import ALL

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def measured() -> dict[str, dict[str, object]]:
    return json.loads((RESULTS / "families.json").read_text("utf-8"))["families"]


def test_the_worked_example_is_a_family_of_under_60_lines() -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "add-a-family.md").read_text("utf-8"), re.DOTALL)
    assert code[0] == (ROOT / "src" / "limelight" / "families" / "xglm.py").read_text("utf-8")
    assert code[0].count("\n") < 60
    suite = (ROOT / "tests" / "published.py").read_text("utf-8")
    assert [line for line in code[1].splitlines() if line != "..." and line not in suite] == []


def test_every_family_is_in_the_suite_and_on_the_page() -> None:
    """A new one: tests/published.py, KINDS in benchmarks/families.py, then make families."""
    there = set(FAMILIES) - set(families.APART)
    assert {made.kind for made in ALL.values()} == there == set(families.KINDS)
    assert {kind: each["heads"] for kind, each in measured().items()} == families.heads()
    checkpoints = {kind: sum(made.kind == kind for made in ALL.values()) for kind in there}
    assert {kind: each["checkpoints"] for kind, each in measured().items()} == checkpoints


def test_parity_is_what_was_asked_for() -> None:
    assert {kind: each["apart"] for kind, each in measured().items() if each["apart"] > 1e-4} == {}
    assert sum(each["apart"] < 2e-6 for each in measured().values()) > len(measured()) / 2


def test_the_page_is_that_of_the_results() -> None:
    """Whoever measures anew makes the page anew: make families."""
    page = (ROOT / "docs" / "families.md").read_text("utf-8")
    assert page == tables.render_families(RESULTS)
    told = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    assert {kind: (models, heads.split(", ")) for kind, models, heads in told} == {
        kind: (families.KINDS[kind].models, heads) for kind, heads in families.heads().items()
    }


@pytest.mark.parametrize("head", ["words", "classes", "labels", "span", "objects", "none"])
def test_heads_are_told_by_the_class_that_made_them(head: str) -> None:
    assert any(head in heads for heads in families.heads().values())
