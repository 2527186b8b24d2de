"""limelight answer: a question over texts, whole files, standard input and tables."""

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
NAME = "Zebulon Quartermaine"
TEXT = f"No sign. It was signed by {NAME} in may. Given."
COLUMNS = ["answer", "answer_score", "answer_start", "answer_end"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that knows who signed."""
    scores = {"zebulon": (1.0, -1.0), "quartermaine": (-1.0, 1.0), "jane": (0.7, 0.7), "[CLS]": (0.3, 0.3)}
    return spotters.knowing(tmp_path_factory.mktemp("models") / "answers", "ForQuestionAnswering", scores, ("start", "end"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three rows, each with a question of its own; the second says nothing."""
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerows([["id", "ask", "note"], ["1", "Who?", "by Jane, may."], ["2", "Who signed?", ""], ["3", "Who?", f"{NAME}\nsigned"]])
    return path


def test_an_answer_stands_above_its_sentence(limelight: Run, folder: Path) -> None:
    ran = limelight("answer", "Who signed?", TEXT, "-m", folder)
    start = TEXT.index(NAME)
    first, second = ran.lines
    assert (ran.code, ran.err) == (0, "")
    assert first.split("  ")[0] == NAME
    assert first.endswith(f"  {start}-{start + len(NAME)}")
    assert second == f"  It was signed by [{NAME}] in may."


def test_no_answer_is_said(limelight: Run, folder: Path) -> None:
    assert limelight("answer", "Who?", "In may.", "-m", folder).out.startswith("(no answer)  ")
    assert "(no answer)" not in limelight("answer", "Who?", "In may.", "-m", folder, "--no-none").out
    assert limelight("answer", "Who?", "", "-m", folder).out == "(no answer)\n"


def test_a_whole_file_is_one_text(limelight: Run, folder: Path, tmp_path: Path) -> None:
    text = spotters.document(random.Random(0), 5000, NAME, 3000).replace(". ", ".\n")
    (tmp_path / "contract.txt").write_text(text, encoding="utf-8")
    found = json.loads(limelight("answer", "Who signed?", "--in", "contract.txt", "-m", folder, "--json").out)
    assert (found["answer"], text[found["start"] : found["end"]], found["file"]) == (NAME, NAME, "contract.txt")
    assert found["windows"] > 10
    by_pipe = json.loads(limelight("answer", "Who signed?", "-m", folder, "--json", given=text).out)
    assert (by_pipe["answer"], by_pipe["start"], by_pipe["file"]) == (NAME, found["start"], "-")


def test_several_texts_and_files_are_a_line_each(limelight: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("signed by Jane.", encoding="utf-8")
    (tmp_path / "b.txt").write_text(TEXT, encoding="utf-8")
    files = limelight("answer", "Who?", "--in", "a.txt", "--in", "b.txt", "-m", folder)
    assert [line.split("\t")[0::3] for line in files.lines] == [["a.txt", "Jane"], ["b.txt", NAME]]
    texts = limelight("answer", "Who?", TEXT, "in may", "-m", folder)
    assert [line.split("\t")[-1] for line in texts.lines] == [NAME, "(no answer)"]
    several = limelight("answer", "--question", "Who?", TEXT, "by Jane", "-m", folder, "--nbest", 2)
    assert [line.split("\t")[0] for line in several.lines] == ["1", "1", "2", "2"]
    each = limelight("answer", "Who?", "-", "-m", folder, given=f"{TEXT}\nby Jane\n")
    assert [line.split("\t")[-1] for line in each.lines] == [NAME, "Jane"]


@pytest.mark.parametrize("asked", [("--question-column", "ask"), ("--question", "Who?"), ("Who?",)])
def test_a_table_gets_columns(limelight: Run, folder: Path, table: Path, asked: tuple[str, ...]) -> None:
    rows = list(csv.DictReader(io.StringIO(limelight("answer", *asked, "--file", table, "--column", "note", "-m", folder).out)))
    assert list(rows[0]) == ["id", "ask", "note", *COLUMNS]
    assert [row["answer"] for row in rows] == ["Jane", "", NAME]
    assert (rows[0]["answer_start"], rows[0]["answer_end"]) == ("3", "7")
    assert float(rows[2]["answer_score"]) > float(rows[1]["answer_score"])


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_table_of_several_answers(limelight: Run, folder: Path, table: Path, tmp_path: Path, ending: str) -> None:
    ran = limelight(
        "answer", "Who?", "--file", table, "--column", "note", "-m", folder, "--nbest", 2, "-o", f"out.{ending}", "--to-column", "who"
    )
    assert (ran.code, ran.out) == (0, "")
    if ending == "jsonl":
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    else:
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["who"][:1] for row in rows] == [["Jane"], [], [NAME]]
    assert rows[0]["who_start"][0] == 3
    assert all(isinstance(row["who_score"], list) for row in rows)


def test_a_run_with_another_question_is_not_gone_on_with(limelight: Run, folder: Path, table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text() + '4,Who?,"a ""bad"" row",5\n')
    assert limelight("answer", "Who?", "--file", table, "--column", "note", "-m", folder, "-o", "out.csv").code == 2
    assert (tmp_path / "out.csv.part").exists()
    again = limelight("answer", "When?", "--file", table, "--column", "note", "-m", folder, "-o", "out.csv", "--resume")
    one_line(again, "was begun with option question 'Who?': got 'When?'")


def test_mistakes_are_one_line(limelight: Run, folder: Path, table: Path) -> None:
    rows = ("--file", table, "--column", "note", "-m", folder)
    one_line(limelight("answer", "-m", folder), "there is no question")
    one_line(limelight("answer", "Who?", "--question-column", "ask", "-m", folder), "there is no --file")
    one_line(limelight("answer", "--question", "Who?", "--question-column", "ask", *rows), "were both given")
    one_line(limelight("answer", "--question-column", "asked", *rows), 'no column "asked"', 'Did you mean "ask"')
    one_line(limelight("answer", "--question-column", "ask", "text", *rows), "TEXT and --file")
    one_line(limelight("answer", "Who?", "the " * 40, "-m", folder, "--window", 20, "--overlap", 18), "reads 20 tokens at once")
    one_line(limelight("answer", "Who?", TEXT, "-m", folder, "--nbest", 0), "nbest")
    table.write_text("ask,note\nWho?,by Jane\n ,by Jane\n")
    ran = limelight("answer", "--question-column", "ask", *rows, "--batch", 1)
    assert (ran.code, "row 2: the question is empty" in ran.err) == (2, True)


def test_a_text_does_not_steer_the_terminal(limelight: Run, folder: Path) -> None:
    out = limelight("answer", "Who?", f"\x1b[31m by {NAME} \x07", "-m", folder).out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert f"^[[31m by [{NAME}]" in out
