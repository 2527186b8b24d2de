"""limelight eval: scores that are those of sacrebleu, over a recipe's parts or a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

Run = Callable[..., Any]
Learnt = list[tuple[str, str]]


@pytest.fixture
def pairs(tmp_path: Path, learnt: Learnt) -> Path:
    """Twelve pairs that it knows, with a second reference for the first and one that is wrong."""
    rows = [*learnt[:12], (learnt[0][0], "Tout autre chose."), ("Tom eats a book.", "Marie dort.")]
    path = tmp_path / "pairs.tsv"
    path.write_text("en\tfr\n" + "".join(f"{source}\t{target}\n" for source, target in rows), encoding="utf-8")
    return path


def test_scores_of_a_file_are_those_of_sacrebleu(limelight: Run, model: Path, pairs: Path, tmp_path: Path) -> None:
    args = ("eval", model, "--file", pairs, "--source-column", "en", "--target-column", "fr")
    found = json.loads(limelight(*args, "--json", "--output", "out.jsonl").out)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found["sentences"] == len(rows) == len({row["source"] for row in rows})
    assert len(rows[0]["references"]) == 2
    said, first = [row["translation"] for row in rows], [[row["references"][0] for row in rows]]
    values = {each["name"]: each for each in found["scores"]}
    assert values["BLEU"]["value"] == pytest.approx(BLEU().corpus_score(said, first).score, abs=0.01)
    assert values["chrF"]["value"] == pytest.approx(CHRF().corpus_score(said, first).score, abs=0.01)
    assert "nrefs:1|bs:1000" in values["BLEU"]["signature"]
    assert values["BLEU"]["interval"] > 0
    assert values["BLEU, all references"]["value"] >= values["BLEU"]["value"]
    assert found["sentences_per_second"] > 0
    text = limelight(*args).out
    assert f"BLEU {values['BLEU']['value']:.1f} ± " in text
    assert "a second" in text


def test_the_parts_of_a_recipe(limelight: Run, model: Path, tmp_path: Path) -> None:
    import tiny

    (tmp_path / "pairs.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in tiny.ALL), encoding="utf-8")
    recipe = 'name = "toy"\n[data]\npath = "pairs.tsv"\ntest = 12\nvalid = 8\n[plan]\nsteps = 1\n'
    (tmp_path / "toy.toml").write_text(recipe)
    for part, count in (("test", 12), ("valid", 8)):
        found = json.loads(limelight("eval", model, "--recipe", "toy.toml", "--part", part, "--beam", 1, "--json").out)
        assert (found["sentences"], found["data"]) == (count, f"the {part} part of toy")
    assert json.loads(limelight("eval", model, "--recipe", "toy.toml", "--limit", 3, "--json").out)["sentences"] == 3
    one_line(limelight("eval", model, "--recipe", "toy.toml", "--align"), "--align", "[align]")
    (tmp_path / "gold.pairs").write_text("Tom eats an apple . ||| Tom mange une pomme .\n" * 3)
    (tmp_path / "gold.links").write_text("1-1 2-2 3-3 4-4 5p5\n" * 3)
    (tmp_path / "gold.toml").write_text(
        recipe + '[align]\npairs = "gold.pairs"\nlinks = "gold.links"\nname = "toy"\nchoose_on = 1\n'
    )
    ran = limelight("eval", model, "--recipe", "gold.toml", "--limit", 2, "--align")
    assert any(line.startswith(("AER 0.", "AER 1.")) for line in ran.lines)
    assert "2 gold pairs" in ran.out


def test_what_cannot_be_scored(limelight: Run, model: Path, pairs: Path, tmp_path: Path) -> None:
    one_line(limelight("eval", model), "the recipe of tiny is not here", "--recipe", "--file")
    one_line(limelight("eval", model, "--file", pairs), 'no column "source"', "en, fr")
    one_line(limelight("eval", model, "--file", pairs, "--part", "test"), "--part and --file")
    one_line(limelight("eval", model, "--source-column", "en"), "--source-column", "--file")
    one_line(limelight("eval", model, "--recipe", "none.toml"), "no recipe none.toml")
    one_line(limelight("eval", model, "--file", pairs, "--output", "none/x.jsonl"), "no folder none")
    one_line(limelight("eval", model, "--file", pairs, "--output", "x.doc"), ".doc")
    one_line(limelight("eval", model, "--part", "train"), "--part", "test")
    one_line(limelight("eval", model, "--limit", 0), "--limit")
    (tmp_path / "half.tsv").write_text("source\ttarget\nTom.\t\n")
    one_line(limelight("eval", model, "--file", "half.tsv"), "row 1", "empty side")
