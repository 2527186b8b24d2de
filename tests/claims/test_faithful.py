"""The page on how far to trust what says which words decided: made of figures and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from limelight import InputError
from limelight.claims.faithful import Study, check_page, kept, page, study, write_page
from limelight.claims.plots import digest
from limelight.look.evidence import STEPS, Faithful
from limelight.tasks.recipes.ways import RANDOM, Ways

DOCS = Path(__file__).parents[2] / "docs"


def ways() -> Ways:
    """Four texts of two sets: the second way is the better one."""

    def each(*gains: float) -> list[Faithful]:
        return [Faithful(0.3 + gain, 0.1 - gain, tuple(0.9 - share * gain for share in STEPS)) for gain in gains]

    found = {"attention": each(0.1, 0.0, 0.2, 0.1), "leave-one-out": each(0.3, 0.1, 0.4, 0.2), RANDOM: each(-0.1, 0.0, 0.1, -0.2)}
    return Ways(found, ["lines", "lines", "pages", "pages"], [4, 6, 40, 50], "left out")


def made(model: str = "toy") -> Study:
    return study(ways(), model=model, data="the test part of toy", command="limelight eval toy", date="2026-01-01T00:00", seconds=1.26)


def test_the_best_comes_first_and_says_by_how_much() -> None:
    found = ways()
    assert found.ranked == ("leave-one-out", "attention")
    assert found.beyond("leave-one-out", "attention").mean == pytest.approx(2 * 0.15)
    first, second, last = made().tables[0].rows
    assert [row[0] for row in (first, second, last)] == ["leave-one-out", "attention", RANDOM]
    assert (first[1].mean, first[2].mean, first[3]) == (pytest.approx(0.55), pytest.approx(-0.15), pytest.approx(0.7))
    assert first[4] is None
    assert second[4].mean == pytest.approx(0.3)
    assert second[4].low < 0.3 < second[4].high


def test_the_page_shows_everything() -> None:
    text = page([made(), made("other")], "evidence")
    for part in (
        "## toy\n", "## other\n", "4 texts of the test part of toy. Best: **leave-one-out**.",
        "| leave-one-out | 0.55 ± 0.21 | -0.15 ± 0.21 | 0.7 |  |",
        "(evidence/toy-1.svg)", "(evidence/other-1.svg)", "[toy.json](evidence/toy.json)",
        "| lines | 2 | 0.5 ± 1.3 |", "A word is left out", "4 to 50 words, 25 on average", "`limelight eval toy`", "2026-01-01, 1 s",
    ):  # fmt: skip
        assert part in text


def test_what_is_written_reads_back_and_is_the_same_again(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / "evidence.md"
    write_page(target, made())
    first = {path.name: path.read_bytes() for path in (tmp_path / "evidence").iterdir()}
    write_page(target, made("other"))
    assert [each.model for each in kept(tmp_path / "evidence")] == ["other", "toy"]
    assert kept(tmp_path / "evidence")[1] == made()
    assert target.read_text("utf-8") == page(kept(tmp_path / "evidence"), "evidence")
    assert {name: (tmp_path / "evidence" / name).read_bytes() for name in first} == first
    assert set(first) == {"toy.json", "toy-1.svg"}
    (tmp_path / "evidence" / "toy.json").write_text("{}")
    with pytest.raises(InputError, match=r"toy\.json"):
        kept(tmp_path / "evidence")
    (tmp_path / "evidence" / "toy.json").write_text("{")
    with pytest.raises(InputError, match=r"toy\.json cannot be read"):
        kept(tmp_path / "evidence")


def test_places_that_are_no_page(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the page is written as Markdown: got .*page\.html"):
        check_page(tmp_path / "page.html")
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        check_page(tmp_path / "nowhere" / "evidence.md")


def test_the_page_in_the_repository_is_what_its_figures_give() -> None:
    found = kept(DOCS / "evidence")
    assert [each.model for each in found] == ["sentiment-en"]
    assert (DOCS / "evidence.md").read_text("utf-8") == page(found, "evidence")
    for each in found:
        for number, plot in enumerate(each.plots, 1):
            assert digest(plot) in (DOCS / "evidence" / f"{each.model}-{number}.svg").read_text("utf-8")
