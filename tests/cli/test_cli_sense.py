"""limelight sense: layers as lines, JSON, and tables with senses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]
TEXTS = ("Apple is juicy .", "the apple stock crashed .")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT."""
    import wordy

    folder = tmp_path_factory.mktemp("sense") / "bert"
    wordy.made("bert", folder)
    return folder


def test_a_line_a_layer_and_a_verdict(limelight: Run, bert: Path) -> None:
    ran = limelight("sense", *TEXTS, "--word", "apple", "-m", bert)
    assert (ran.code, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.lines] == ["1", "2", "layer", "0", "1", "2", "layer", "how"]
    assert ran.lines[3].split()[1] == "0.000"
    assert "of the distance between different words" in ran.lines[-2]
    assert "not measured (limelight eval bert --task sense)" in ran.lines[-1]
    assert limelight("sense", "-m", bert, "--word", "apple", given="\n".join(TEXTS)).out == ran.out


def test_json_has_the_layers(limelight: Run, bert: Path) -> None:
    (line,) = limelight("sense", *TEXTS, "--word", "APPLE", "-m", bert, "--json").lines
    found = json.loads(line)
    assert [layer["distance"] > 0 for layer in found["layers"]] == [False, True, True]
    assert [use["span"] for use in found["uses"]] == [[0, 5], [4, 9]]


def test_a_table_with_words_and_senses(limelight: Run, bert: Path, tmp_path: Path) -> None:
    rows = [*((text, "apple", "fruit") for text in TEXTS), ("two apples .", "apples", "fruit"), ("the old apple crashed", "apple", "firm")]
    (tmp_path / "uses.tsv").write_text("text\tword\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows))
    ran = limelight("sense", "-m", bert, "--file", "uses.tsv")
    assert ran.lines[0].endswith("[fruit]")
    assert "right" in ran.lines[4]
    assert "(always the commonest: 75%)" in ran.lines[-2]
    (line,) = limelight("sense", "-m", bert, "--file", "uses.tsv", "--column", "text", "--json").lines
    assert [use["label"] for use in json.loads(line)["uses"]] == ["fruit", "fruit", "fruit", "firm"]


def test_what_cannot_be_compared_is_one_line(limelight: Run, bert: Path, tmp_path: Path) -> None:
    one_line(limelight("sense", *TEXTS, "-m", bert), "text 1 comes without a word", "--word WORD")
    one_line(limelight("sense", *TEXTS, "--word", "pear", "-m", bert), 'text 1 of 2: "pear" does not stand in')
    one_line(limelight("sense", TEXTS[0], "--word", "apple", "-m", bert), "got 1")
    one_line(limelight("sense", "a", "--file", "b.csv", "--word", "a", "-m", bert), "TEXT and --file were both given")
    (tmp_path / "in.csv").write_text("other\n1\n")
    one_line(limelight("sense", "-m", bert, "--file", "in.csv", "--column", "text", "--word", "a"), 'has no column "text"')
