"""limelight embed: vectors as lines, as JSON and in tables, and how near texts lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from ran import one_line

Run = Callable[..., Any]
TEXTS = ("the dog was tired .", "the cat was tired .", "the river was wide .")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT."""
    import wordy

    folder = tmp_path_factory.mktemp("embed") / "bert"
    wordy.made("bert", folder)
    return folder


def test_a_text_is_a_line_of_numbers(limelight: Run, bert: Path) -> None:
    import limelight as library

    ran = limelight("embed", *TEXTS, "-m", bert)
    assert (ran.code, ran.err) == (0, "")
    found = np.array([line.split("\t") for line in ran.lines], dtype=np.float32)
    assert np.array_equal(found, np.stack([each.vector for each in library.task("embed", bert, device="cpu")(list(TEXTS))]))


def test_json_says_how_a_vector_was_made(limelight: Run, bert: Path) -> None:
    (line,) = limelight("embed", TEXTS[0], "-m", bert, "--json", "--pool", "first", "--raw").lines
    found = json.loads(line)
    assert (found["pool"], found["normalised"], len(found["embedding"])) == ("first", False, 32)
    (line,) = limelight("embed", TEXTS[0], "-m", bert, "--json", "--tokens").lines
    assert np.shape(json.loads(line)["features"]) == (1, 7, 32)


def test_similar_shows_how_near_texts_lie(limelight: Run, bert: Path) -> None:
    ran = limelight("embed", *TEXTS, "-m", bert, "--similar")
    assert ran.lines[0].split() == ["1", "2", "3"]
    rows = [line.split(None, 4) for line in ran.lines[1:]]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[4] for row in rows] == list(TEXTS)
    assert [row[i] for i, row in enumerate(rows, 1)] == ["1.00"] * 3
    (line,) = limelight("embed", *TEXTS, "-m", bert, "--similar", "--json").lines
    table = np.array(json.loads(line)["similarities"])
    assert [[f"{each:.2f}" for each in row] for row in table] == [row[1:4] for row in rows]
    assert limelight("embed", "-", "-m", bert, "--similar", given="\n".join(TEXTS)).out == ran.out


def test_a_column_of_vectors(limelight: Run, bert: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("n,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(TEXTS)))
    assert limelight("embed", "-m", bert, "--file", "in.csv", "--output", "out.parquet").code == 0
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["n", "text", "embedding"]
    assert np.shape(table["embedding"].to_pylist()) == (3, 32)
    assert limelight("embed", "-m", bert, "--file", "in.csv", "--output", "out.jsonl", "--to-column", "v").code == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["v"] for row in rows] == table["embedding"].to_pylist()


def test_what_does_not_go_together_is_one_line(limelight: Run, bert: Path) -> None:
    one_line(limelight("embed", "a", "-m", bert, "--similar"), "compares 2 to 100 texts: got 1")
    one_line(limelight("embed", *["a"] * 101, "-m", bert, "--similar"), "got more than 100")
    one_line(limelight("embed", "a", "b", "-m", bert, "--tokens"), "--json")
    one_line(limelight("embed", "-m", bert, "--file", "x.csv", "--similar"), "--similar is for texts to read")
    one_line(limelight("embed", "a", "-m", bert, "--pool", "max"), "pool")
