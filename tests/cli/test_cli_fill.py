"""limelight fill: guesses as lines, as JSON and in tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]
TEXT = "the dog did not cross the river because the ___ was too tired ."


@pytest.fixture(scope="session")
def bert(learnt_words: Callable[[str], Path]) -> Path:
    """A BERT that has learnt which words go together."""
    return learnt_words("bert")


def test_a_text_gives_a_line_a_guess(limelight: Run, bert: Path) -> None:
    ran = limelight("fill", TEXT, "-m", bert, "--top-k", 3)
    assert (ran.code, ran.err) == (0, "")
    rows = [line.split(None, 2) for line in ran.lines]
    assert len(rows) == 3
    assert [float(score) for score, _, _ in rows] == sorted((float(score) for score, _, _ in rows), reverse=True)
    assert all(f"because the {word} was too tired" in sequence for _, word, sequence in rows)
    several = limelight("fill", TEXT, "[MASK] [MASK]", "-m", bert, "--top-k", 1)
    assert [line.split("\t")[0] for line in several.lines] == ["1", "2", "2"]


def test_targets_alone_are_scored_and_parts_of_words_noted(limelight: Run, bert: Path) -> None:
    ran = limelight("fill", TEXT, TEXT, "-m", bert, "--target", "river", "--target", "dogs")
    assert {line.split()[2] for line in ran.lines} == {"dog", "river"}
    assert ran.err.count('note: "dogs" is no single token here') == 1


def test_json_has_the_keys_of_the_pipeline(limelight: Run, bert: Path) -> None:
    (line,) = limelight("fill", TEXT, "-m", bert, "--json").lines
    found = json.loads(line)
    assert list(found)[:4] == ["score", "token", "token_str", "sequence"]
    assert len(found["all"]) == 5
    assert found["source"] == TEXT


def test_a_column_is_filled(limelight: Run, bert: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(f"n,text\n1,{TEXT}\n2,the ___ was too ___ .\n")
    ran = limelight("fill", "-m", bert, "--file", "in.csv", "--output", "out.jsonl")
    assert ran.code == 0
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert first.keys() == {"n", "text", "filled", "filled_words", "filled_scores"}
    assert first["filled"] == TEXT.replace("___", first["filled_words"][0])
    assert len(second["filled_words"]) == len(second["filled_scores"]) == 2


def test_what_cannot_be_filled_is_one_line(limelight: Run, bert: Path, tmp_path: Path) -> None:
    one_line(limelight("fill", "no mask", "-m", bert), "there is no mask in the text", "Write [MASK] or ___")
    (tmp_path / "in.csv").write_text("text\nno mask\n")
    one_line(limelight("fill", "-m", bert, "--file", "in.csv", "-o", "out.csv"), "in.csv, row 1", "there is no mask")
