"""The page is made of findings and of nothing else; what is in the repository is what its findings give."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from limelight import InputError
from limelight.claims import Check, Estimate, Findings, Line, Plot, Table, claims, judge, read, write
from limelight.claims.findings import Conditions
from limelight.claims.plots import digest, draw
from limelight.claims.report import PAGE, PLOTS, RESULTS, drawn, gather, kept, page, write_report

DOCS = Path(__file__).parents[2] / "docs" / "claims"
SOME = Estimate(mean=1.0, low=0.5, high=1.5, each=(0.8, 1.2))
LINES = (Line(label="one", x=(1.0, 2.0), y=(SOME, SOME)), Line(label="two", x=(2.0,), y=(SOME,)))
PLOT = Plot(title="A plot", x="n", y="nats", lines=LINES)


def findings(size: str = "quick", mean: float = 1.0) -> Findings:
    checks = (Check(says="a difference", found=replace(SOME, mean=mean), wanted="above", unit="nats"),)
    conditions = Conditions(
        size=size, seeds=(0, 1), setting={}, machine={"cpu": "a processor", "cores": 2, "memory_gib": 8.0}, versions={"torch": "2"},
        threads=1, busy=(0.5, None), date="2026-01-01T00:00:00+00:00", seconds=12.3, cells=4,
    )  # fmt: skip
    table = Table(title="A table", columns=("way", "nats", "share"), rows=(("one", SOME, 0.123456), ("two", None, 3)))
    return Findings(claim="mask", verdict=judge(checks), checks=checks, tables=(table,), plots=(PLOT,), conditions=conditions)


def put(folder: Path, found: Findings) -> None:
    (folder / RESULTS).mkdir(parents=True, exist_ok=True)
    write(found, folder / RESULTS / "mask.json")


def test_the_page_shows_everything() -> None:
    text = page({"mask": findings()}, claims())
    for part in (
        "**[holds here](#mask)** (quick)",
        "| a difference | 1.00 ± 0.50 nats | above 0 | holds |",
        "![A plot](plots/mask-1.svg)",
        "| one | 1.00 ± 0.50 | 0.1235 |",
        "| two |  | 3 |",
        "a processor, 2 cores, 8.0 GiB",
        "load 0.5 to unknown",
        "`limelight claims run mask --quick`",
    ):
        assert part in text


def test_a_report_is_the_same_again(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for folder in (tmp_path / "a", tmp_path / "b"):
        put(folder, findings())
        write_report(folder, claims())
    ours, theirs = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "a", tmp_path / "b")
    )
    assert ours == theirs
    assert Path(PLOTS, "mask-1.svg") in ours


def test_a_plot_is_text_without_a_date_that_says_whose_figures_it_shows(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(PLOT, tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text("utf-8")
    assert ">one</text>" in text
    assert ">two</text>" in text
    assert digest(PLOT) in text
    assert "<dc:date>" not in text
    assert digest(PLOT) != digest(replace(PLOT, title="Another"))


def test_without_matplotlib_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"limelight\[plots\]"):
        draw(PLOT, tmp_path / "x.svg")


def test_quick_findings_never_replace_full_ones(tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    put(run, findings("full", 1.0))
    assert gather(run, out) == ["mask"]
    assert gather(run, out) == []
    put(run, findings("quick", 2.0))
    assert gather(run, out) == []
    assert kept(out)["mask"].conditions.size == "full"
    put(run, findings("full", 3.0))
    assert gather(run, out) == ["mask"]
    assert kept(out)["mask"].checks[0].found.mean == 3.0


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no findings"):
        write_report(tmp_path, claims())


def test_the_page_in_the_repository_is_up_to_date(tmp_path: Path) -> None:
    found = kept(DOCS)
    assert found
    assert (DOCS / PAGE).read_text("utf-8") == page(found, claims())
    for name, plot in drawn(found):
        assert digest(plot) in (DOCS / PLOTS / name).read_text("utf-8")
    assert {path.name for path in (DOCS / PLOTS).iterdir()} == {name for name, _ in drawn(found)}


def test_verdicts_in_the_repository_follow_from_their_figures() -> None:
    for path in (DOCS / RESULTS).glob("*.json"):
        found = read(path)
        assert found.claim == path.stem
        assert found.verdict == judge(found.checks)


def test_a_file_that_holds_no_findings_is_told(tmp_path: Path) -> None:
    shutil.copytree(DOCS / RESULTS, tmp_path / RESULTS)
    (tmp_path / RESULTS / "mask.json").write_text("{}")
    with pytest.raises(InputError, match=r"mask\.json"):
        kept(tmp_path)
