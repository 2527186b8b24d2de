"""limelight extract: spans of texts, whole files, standard input and tables."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

import spotters

Run = Callable[..., Any]
NAME = "Jane van der Berg"
TEXT = f"Signed by {NAME}, given amoxicillin."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that knows a name and a drug."""
    return spotters.knowing_names(tmp_path_factory.mktemp("models") / "names")


def test_a_text_is_shown_with_its_spans_and_their_list(limelight: Run, folder: Path) -> None:
    ran = limelight("extract", TEXT, "-m", folder)
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        f"Signed by [{NAME} PER], given [amoxicillin DRUG].",
        "",
        f"PER   {NAME}  1.0000  10-27",
        "DRUG  amoxicillin        1.0000  35-46",
    ]
    assert limelight("extract", "no sign", "-m", folder).out == "(nothing found)\n"
    assert limelight("extract", "", "-m", folder).out == "(nothing found)\n"


def test_lines_in_are_lines_out(limelight: Run, folder: Path) -> None:
    ran = limelight("extract", "-m", folder, given="Jane was given amoxicillin\n\nno sign\n")
    assert ran.lines == ["[Jane PER] was given [amoxicillin DRUG]", "", "no sign"]


def test_whole_files_are_one_text_each(limelight: Run, folder: Path, tmp_path: Path) -> None:
    text = spotters.document(random.Random(0), 5000, NAME, 3000).replace(". ", ".\r\n")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "b.txt").write_text("no sign", encoding="utf-8")
    start = text.index(NAME)
    (line,) = limelight("extract", "--in", "a.txt", "-m", folder).lines
    assert line.endswith(f"{start}-{start + len(NAME)}")
    assert limelight("extract", "--in", "a.txt", "--in", "b.txt", "-m", folder).lines == ["a.txt:", line, "b.txt:", "(nothing found)"]
    first, second = map(json.loads, limelight("extract", "--in", "a.txt", "--in", "b.txt", "-m", folder, "--json").lines)
    assert [(each["word"], each["start"]) for each in first["entities"]] == [(NAME, start)]
    assert (first["file"], second["file"], second["entities"]) == ("a.txt", "b.txt", [])
    assert first["windows"] > 5


def test_a_table_gets_a_list_of_spans(limelight: Run, folder: Path, tmp_path: Path) -> None:
    import pyarrow.parquet

    (tmp_path / "in.csv").write_text('id,note\n1,"by Jane, may"\n2,\n', encoding="utf-8")
    how = ("--file", "in.csv", "--column", "note", "-m", folder)
    rows = list(csv.DictReader(io.StringIO(limelight("extract", *how).out)))
    (found,) = json.loads(rows[0]["entities"])
    assert (found["entity_group"], found["word"], found["start"], found["end"]) == ("PER", "Jane", 3, 7)
    assert rows[1]["entities"] == "[]"
    for ending, merge in (("jsonl", "simple"), ("parquet", "first"), ("parquet", "none")):
        path = tmp_path / f"{merge}.{ending}"
        assert limelight("extract", *how, "-o", path, "--to-column", "who", "--merge", merge).code == 0
        read = [*map(json.loads, path.read_text().splitlines())] if ending == "jsonl" else pyarrow.parquet.read_table(path).to_pylist()
        (one,) = read[0]["who"]
        label = one["entity"] if merge == "none" else one["entity_group"]
        assert (label, one["word"], one["start"]) == ("B-PER" if merge == "none" else "PER", "Jane", 3)
        assert read[1]["who"] == []


def test_labels_and_scores_are_left_out_as_is_asked(limelight: Run, folder: Path, tmp_path: Path) -> None:
    found = json.loads(limelight("extract", TEXT, "-m", folder, "--json", "--ignore", "PER").out)
    assert [each["entity_group"] for each in found["entities"]] == ["DRUG"]
    unsure = spotters.knowing_names(tmp_path / "unsure", loud=0.5)
    assert NAME in limelight("extract", TEXT, "-m", unsure).out
    assert limelight("extract", TEXT, "-m", unsure, "--min-score", "0.99").out == "(nothing found)\n"


def test_mistakes_are_one_line(limelight: Run, folder: Path) -> None:
    one_line(limelight("extract", TEXT, "-m", folder, "--merge", "most"), "merge", "'simple'", "most")
    one_line(limelight("extract", TEXT, "--in", "a.txt", "-m", folder), "--in and TEXT were both given")
    one_line(limelight("extract", "--in", "gone.txt", "-m", folder), "gone.txt cannot be read")
    one_line(limelight("extract", "the " * 40, "-m", folder, "--window", 12, "--overlap", 10), "reads 12 tokens at once")


def test_a_text_does_not_steer_the_terminal(limelight: Run, folder: Path) -> None:
    for texts in ((f"\x1b[31m{NAME}\x07\nin may",), (f"\x1b[31m{NAME}", "\x9b2J")):
        out = limelight("extract", *texts, "-m", folder).out
        assert not {"\x1b", "\x07", "\x9b"} & set(out)
