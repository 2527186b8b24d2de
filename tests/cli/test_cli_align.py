"""limelight align and limelight eval --task: pairs on the line, in pipes and in files; exams, and what they keep."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]
Learnt = list[tuple[str, str]]


@pytest.fixture
def gold(tmp_path: Path, learnt: Learnt) -> Path:
    """Twelve pairs, each word linked to the one in its place: as good as any to choose by."""
    folder = tmp_path / "gold"
    folder.mkdir()
    pairs, links = [], []
    for source, target in learnt[:12]:
        s, t = (side.replace(".", " .").split() for side in (source, target))
        pairs.append(f"{' '.join(s)} ||| {' '.join(t)}\n")
        links.append(" ".join(f"{i}-{i}" for i in range(min(len(s), len(t)))) + "\n")
    (folder / "toy.src-tgt").write_text("".join(pairs), encoding="utf-8")
    (folder / "toy.gold").write_text("".join(links), encoding="utf-8")
    return folder


def test_a_pair_is_drawn_with_its_trust(limelight: Run, model: Path, learnt: Learnt, tmp_path: Path) -> None:
    ran = limelight("align", *learnt[0], "-m", model, "--html", "pair.html")
    assert ran.code == 0
    assert ran.lines[0].split()[0].count("-") == 1
    assert "alignment error rate 0.50" in " ".join(ran.out.split())
    assert "<script" in (tmp_path / "pair.html").read_text(encoding="utf-8")
    told = json.loads(limelight("align", *learnt[0], "-m", model, "--json").out)
    assert told["alignment"]["pharaoh"] == ran.lines[0]
    assert told["target"] == learnt[0][1]


def test_pipes_and_files_give_the_same_lines(limelight: Run, model: Path, learnt: Learnt, tmp_path: Path) -> None:
    some = learnt[:5]
    given = "".join(f"{s}{' ||| ' if n < 3 else chr(9)}{t}\n" for n, (s, t) in enumerate(some))
    piped = limelight("align", "-m", model, given=given)
    assert len(piped.lines) == 5
    (tmp_path / "s.txt").write_text("".join(f"{s}\n" for s, _ in some), encoding="utf-8")
    (tmp_path / "t.txt").write_text("".join(f"{t}\n" for _, t in some), encoding="utf-8")
    files = ("align", "-m", model, "--file", "s.txt", "--target-file", "t.txt")
    assert limelight(*files).lines == piped.lines
    limelight(*files, "--output", "links.txt")
    assert (tmp_path / "links.txt").read_text().splitlines() == piped.lines
    (tmp_path / "pairs.tsv").write_text("en\tfr\n" + "".join(f"{s}\t{t}\n" for s, t in some), encoding="utf-8")
    limelight("align", "-m", model, "--file", "pairs.tsv", "--column", "en", "--target-column", "fr", "--output", "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["alignment"] for row in rows] == piped.lines
    told = [json.loads(line) for line in limelight(*files[:-2], "--target-file", "t.txt", "--json").lines]
    assert [each["alignment"]["pharaoh"] for each in told] == piped.lines


def test_what_does_not_go_together(limelight: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("Tom.\nMary.\n")
    (tmp_path / "t.txt").write_text("Tom.\n")
    (tmp_path / "p.tsv").write_text("text\tother\nTom.\tTom.\n")
    at = ("align", "-m", model)
    one_line(limelight(*at, "Tom."), "a source and a translation are wanted: got 1")
    one_line(limelight(*at, "Tom.", "--", "a", "b"), "got 3 texts")
    one_line(limelight(*at, "Tom.", "Tom.", "--target-file", "t.txt"), "--target-file is about a file")
    one_line(limelight(*at, "--file", "s.txt", "--target-file", "t.txt", "--html", "x.html"), "--html is for texts to read")
    one_line(limelight(*at, "--file", "s.txt", "--target-file", "t.txt", "--target-column", "x"), "both given")
    one_line(limelight(*at, "--file", "s.txt", "--target-file", "t.txt", "--output", "o.txt", "--resume"), "--resume needs")
    one_line(limelight(*at, "--file", "t.txt", "--target-file", "s.txt", "--output", "o.txt"), "more lines than the 1 sources")
    one_line(limelight(*at, "--file", "p.tsv", "--column", "text"), 'no column "target"')
    one_line(limelight(*at, "Tom.", " "), "the translation has no words")
    ran = limelight(*at, "--file", "s.txt", "--target-file", "t.txt", "--output", "o.txt")
    assert ran.code == 2
    assert "fewer lines than there are sources: it ends before 2" in ran.err
    ran = limelight(*at, given="Tom.\n")
    assert ran.code == 2
    assert 'a line is "source ||| target"' in ran.err


def test_an_aligner_is_chosen_measured_and_kept(limelight: Run, model: Path, gold: Path, tmp_path: Path, learnt: Learnt) -> None:
    shutil.copytree(model, tmp_path / "own")
    asked = ("eval", "own", "--task", "align", "--data", gold, "--choose-on", 6)
    told = json.loads(limelight(*asked, "--json").out)
    assert (told["pairs"], told["choose_on"], told["kept"]) == (12, 6, None)
    assert told["aligner"]["pairs"] == 6
    assert told["own"]["attention"] == "decoder.1.cross"
    assert json.loads((tmp_path / "own" / "limelight.json").read_text())["aligner"]["measured_on"] == "made-up"
    ran = limelight(*asked, "--save")
    assert ran.lines[0].startswith(f"AER {told['aligner']['aer']:.3f} (")
    assert "Kept in own/limelight.json" in ran.err
    assert json.loads((tmp_path / "own" / "limelight.json").read_text())["aligner"] == told["aligner"]
    seen = json.loads(limelight("translate", learnt[0][0], "-m", "own", "--json").out)
    assert "on 6 gold pairs not used to choose it" in seen["alignment"]["trust"]


def test_exams_need_their_options_and_no_others(limelight: Run, model: Path, gold: Path) -> None:
    one_line(limelight("eval", model, "--task", "sing"), 'no exam for the task "sing"', "align")
    one_line(limelight("eval", model, "--data", gold), "--data is about an exam", "--task")
    one_line(limelight("eval", model, "--save"), "--save is about an exam")
    one_line(limelight("eval", model, "--task", "align", "--file", "x.tsv"), "--file is about held-out examples")
    one_line(limelight("eval", model, "--task", "sense", "--choose-on", 3), "does not ask for --choose-on")
    one_line(limelight("eval", model, "--task", "align"), "got 0 of --data")
    one_line(limelight("eval", model, "--task", "align", "--data", "none"), "there is no folder none")
    one_line(limelight("eval", model, "--task", "align", "--data", gold, "--choose-on", 12), "none are left to measure on")
    (gold / "toy.gold").write_text("0-0 9-9\n" * 12)
    one_line(limelight("eval", model, "--task", "align", "--data", gold), "line 1", "outside")


def test_pairs_of_our_own_are_shown_in_full(limelight: Run, model: Path) -> None:
    ran = limelight("eval", model, "--task", "sense")
    assert any("Apple was juicy. | Apple stock crashed." in line for line in ran.lines)
    assert any(line.startswith("layer 2: ") and "of 12 pairs" in line for line in ran.lines)
    told = json.loads(limelight("eval", model, "--task", "resolve", "--json").out)
    assert told["minimal_pairs"]["of"] == 12
    assert told["task"] == "resolve"
