"""limelight resolve: one pronoun in full, several as lines, tables and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]
TEXT = "the animal did not cross the street because it was too {} ."
BOTH = ("-c", "the animal", "-c", "the street")


@pytest.fixture(scope="session")
def bert(learnt_words: Callable[[str], Path]) -> Path:
    """A BERT that has learnt which words go together."""
    return learnt_words("bert")


def test_a_pronoun_is_told_in_full_with_its_attention_and_how_far_to_trust_it(limelight: Run, bert: Path) -> None:
    ran = limelight("resolve", TEXT.format("tired"), "-m", bert, *BOTH)
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].startswith('"it" at 44-46: the animal, ')
    assert [line.split()[1:3] for line in ran.lines[1:3]] == [["the", "animal"], ["the", "street"]]
    assert all("attention 0." in line for line in ran.lines[1:3])
    assert "all masked, a token" in ran.lines[3]
    assert "agreement with the likelihood over 8 heads (chance is 50%)" in ran.lines[4]
    assert "not measured (limelight eval bert --task resolve)" in ran.lines[5]
    ran = limelight("resolve", TEXT.format("old"), "-m", bert, *BOTH, "--masked", "single", "--total")
    assert "one masked at a time, in all" in ran.out


def test_several_texts_give_a_line_each(limelight: Run, bert: Path) -> None:
    ran = limelight("resolve", TEXT.format("hungry"), TEXT.format("wide"), "-m", bert, *BOTH, "--pronoun", "it")
    assert [line.split("\t")[1] for line in ran.lines] == ["the animal", "the street"]
    assert all(line.split("\t")[2].startswith("agreement ") for line in ran.lines)


def test_json_has_all(limelight: Run, bert: Path) -> None:
    (line,) = limelight("resolve", TEXT.format("tired"), "-m", bert, *BOTH, "--pronoun", "44", "--json").lines
    found = json.loads(line)
    assert (found["answer"], found["place"]) == ("the animal", [44, 46])
    assert {"layers", "layer_agreement", "agreement", "best_head", "trust"} <= found["attention"].keys()


def test_a_table_has_its_own_pronouns_and_candidates(limelight: Run, bert: Path, tmp_path: Path) -> None:
    rows = [
        {"text": TEXT.format("tired"), "candidates": ["the animal", "the street"]},
        {"text": TEXT.format("wide"), "candidates": "the animal|the street", "pronoun": "it"},
        {"text": TEXT.format("old"), "candidates": '["the animal", "the street"]', "pronoun": 44},
        {"text": TEXT.format("hungry").replace("animal", "dog").replace("street", "river"), "pronoun": ""},
        {"text": TEXT.format("tired"), "candidates": ["paris", "the cat"]},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = limelight("resolve", "-m", bert, "--file", "in.jsonl", "--output", "out.jsonl", "-c", "the dog", "-c", "the river")
    assert ran.code == 0
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in found] == ["the animal", "the street", "the street", "the dog", "the cat"]
    assert all(0.5 <= row["answer_share"] <= 1 for row in found)
    assert [row["answer_agreement"] is None for row in found] == [False] * 4 + [True]
    (tmp_path / "in.csv").write_text("text,candidates,pronoun\n" + f"{TEXT.format('tired')},the animal|the street,44\n")
    assert limelight("resolve", "-m", bert, "--file", "in.csv", "--output", "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text().splitlines()[1].split(",")[3] == "the animal"


def test_what_cannot_be_resolved_is_one_line(limelight: Run, bert: Path, tmp_path: Path) -> None:
    one_line(limelight("resolve", "it saw it .", "-m", bert, *BOTH), '2 words may be meant: "it" at 0, "it" at 7', "pronoun=0")
    one_line(limelight("resolve", "it saw .", "-m", bert, "-c", "a"), "at least two candidates are wanted: got 1")
    one_line(limelight("resolve", "it .", "-m", bert, *BOTH, "--masked", "both"), "masked")
    (tmp_path / "in.csv").write_text("text,candidates\nit is .,\n")
    one_line(limelight("resolve", "-m", bert, "--file", "in.csv", "-o", "out.csv"), "in.csv, row 1", "at least two candidates")
