"""limelight mechanisms: the list, one of them, the page, and what a wrong name is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

from limelight.spec import from_json
from limelight.spec.mechanisms import Sizes, cost, find, mechanisms

Run = Callable[..., Any]
PAGE = Path(__file__).parents[2] / "docs" / "mechanisms.md"


def test_the_list_has_every_one_in_its_group(limelight: Run) -> None:
    ran = limelight("mechanisms")
    first = [line.split(" ")[0] for line in ran.lines]
    assert [name for name in mechanisms() if name not in first] == []
    for group in {each.group for each in mechanisms().values()}:
        assert group in ran.lines
    for at in ("128", "1,024", "8,192"):
        assert f"ATTENTION {at}" in ran.lines[0]
        assert f"PAIRS {at}" in ran.lines[0]
    (general,) = [line for line in ran.lines if line.startswith("general ")]
    assert "34.9 G" in general
    assert "Luong et al. 2015" in general


def test_json_has_all_that_is_known_and_costs_at_the_lengths_asked_for(limelight: Run) -> None:
    rows = [json.loads(line) for line in limelight("mechanisms", "--json", "--length", "100,20000").lines]
    assert [row["name"] for row in rows] == list(mechanisms())
    spec = find("linear").build(Sizes())
    (row,) = [row for row in rows if row["name"] == "linear"]
    assert [each["length"] for each in row["costs"]] == [100, 20000]
    assert row["costs"][1]["attention"] == cost(spec, 20000).attention
    assert row["refuses"]["window"]["instead"] == "windowed"
    assert row == json.loads(limelight("mechanisms", "linear", "--json", "--length", "100,20000").out)


def test_one_is_shown_whole(limelight: Run) -> None:
    each, out = find("general-fed"), limelight("mechanisms", "general-fed", "--length", 64).out
    for part in (each.title, each.equation, each.shapes, each.source, 'mechanism = "general-fed"', "feeding: this mechanism"):
        assert part in out
    assert " ".join(each.about.split()) in " ".join(out.split())
    assert re.search(r"^ +64 ", out, re.MULTILINE)


def test_several_are_shown_one_after_the_other(limelight: Run) -> None:
    out = limelight("mechanisms", "dot", "alibi").out
    assert out.index("dot: ") < out.index("alibi: ")


def test_the_spec_is_a_model(limelight: Run) -> None:
    assert from_json(limelight("mechanisms", "additive", "--spec").out) == find("additive").build(Sizes())
    rows = [json.loads(line) for line in limelight("mechanisms", "--spec", "--json").lines]
    assert [row["name"] for row in rows] == list(mechanisms())


@pytest.mark.parametrize("length", ["many", "", "0", "128,-1", "1.5"])
def test_a_length_is_a_number_of_tokens(length: str, limelight: Run) -> None:
    one_line(limelight("mechanisms", "--length", length), "lengths are numbers of tokens", "For instance --length 128,1024.")


def test_an_unknown_name_is_told_the_nearest_before_anything_is_shown(limelight: Run) -> None:
    one_line(limelight("mechanisms", "dot", "multi-quarry"), 'no mechanism "multi-quarry"', 'Did you mean "multi-query"')


def test_the_page_is_that_of_the_table(limelight: Run) -> None:
    """make mechanisms writes it anew."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == limelight("mechanisms", "--markdown").out
    for name, each in mechanisms().items():
        assert f"### {name}\n" in page
        for part in (each.equation, each.shapes, each.source):
            assert part in page


def test_listing_needs_no_torch() -> None:
    code = "import sys; from limelight.cli import main; main(['mechanisms']); assert not {'torch', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.startswith("NAME")


def test_python_has_them_too() -> None:
    import limelight as package

    assert package.mechanisms()["general"] == find("general")


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0"), (999, "999"), (1000, "1 k"), (999_999, "1 M"), (12_345_678, "12.3 M"), (10**18, "1e+03 P")]
)
def test_numbers_have_three_digits(number: int, shown: str) -> None:
    from limelight.cli.explaining import _short

    assert _short(number) == shown
