"""limelight translate --file: tables in and out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Learnt = list[tuple[str, str]]


@pytest.fixture
def table(tmp_path: Path, learnt: Learnt) -> Path:
    """Five sentences in a CSV file, with other columns around them."""
    path = tmp_path / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["id", "text", "note"])
        rows.writerows([n, source, f'"{n}", said\nso'] for n, (source, _) in enumerate(learnt[:5]))
    return path


def test_a_new_column_beside_the_others(limelight: Run, model: Path, learnt: Learnt, table: Path, tmp_path: Path) -> None:
    ran = limelight("translate", "-m", model, "--file", table, "--output", "out.csv", "--to-column", "fr")
    assert (ran.code, ran.out) == (0, "")
    assert "out.csv: 5 rows, 5 new" in ran.err
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["id", "text", "note", "fr"]
    assert [row["fr"] for row in rows] == [target for _, target in learnt[:5]]
    assert rows[3]["note"] == '"3", said\nso'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_without_output_the_table_goes_to_standard_output(limelight: Run, model: Path, learnt: Learnt, table: Path) -> None:
    ran = limelight("translate", "-m", model, "--file", table)
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [row["translation"] for row in rows] == [target for _, target in learnt[:5]]
    assert ran.err == ""


def test_a_table_may_come_through_a_pipe(limelight: Run, model: Path, learnt: Learnt) -> None:
    given = "".join(json.dumps({"n": n, "s": source}) + "\n" for n, (source, _) in enumerate(learnt[:3]))
    ran = limelight("translate", "-m", model, "--file", "-", "--format", "jsonl", "--column", "s", given=given)
    assert [json.loads(line) for line in ran.lines][2] == {"n": 2, "s": learnt[2][0], "translation": learnt[2][1]}


def test_json_is_a_result_a_row_or_a_summary_of_the_file(limelight: Run, model: Path, learnt: Learnt, table: Path) -> None:
    found = [json.loads(line) for line in limelight("translate", "-m", model, "--file", table, "--json").lines]
    assert [each["translation_text"] for each in found] == [target for _, target in learnt[:5]]
    assert "alignment" in found[0]
    summary = json.loads(limelight("translate", "-m", model, "--file", table, "-o", "out.jsonl", "--json").out)
    assert (summary["output"], summary["rows"], summary["new"]) == ("out.jsonl", 5, 5)


def test_plain_text_is_a_text_a_line(limelight: Run, model: Path, learnt: Learnt, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(f"{learnt[0][0]}\n\n{learnt[1][0]}\n", encoding="utf-8")
    wanted = f"{learnt[0][1]}\n\n{learnt[1][1]}\n"
    assert limelight("translate", "-m", model, "--file", "in.txt").out == wanted
    limelight("translate", "-m", model, "--file", "in.txt", "--output", "out.txt")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == wanted


def test_nbest_fills_the_column_with_lists(limelight: Run, model: Path, learnt: Learnt, table: Path, tmp_path: Path) -> None:
    limelight("translate", "-m", model, "--file", table, "--output", "out.jsonl", "--nbest", 3)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["translation"][0] == learnt[0][1]
    assert len(rows[0]["translation"]) > 1


def test_ctrl_c_keeps_what_is_done_and_resume_does_the_rest(
    limelight: Run, model: Path, learnt: Learnt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.tasks.translate.task import Translate

    many = [learnt[n % 20] for n in range(40)]
    (tmp_path / "in.tsv").write_text("text\n" + "".join(f"{source}\n" for source, _ in many), encoding="utf-8")
    args = ("translate", "-m", model, "--file", "in.tsv", "--output", "out.tsv", "--batch", 2, "--beam", 1)
    whole, asked = Translate.__call__, list[int]()

    def once(self: Any, text: Any, options: Any = None, **changes: Any) -> Any:
        asked.append(len(text))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return whole(self, text, options, **changes)

    with monkeypatch.context() as patch:
        patch.setattr(Translate, "__call__", once)
        ran = limelight(*args)
    assert ran.code == 130
    assert "2 rows are kept in out.tsv.part" in ran.err
    assert "--resume" in ran.err
    assert not (tmp_path / "out.tsv").exists()
    assert "there from a run that did not end" in limelight(*args).err
    assert "begun with" in limelight(*args, "--resume", "--beam", 2).err
    ran = limelight(*args, "--resume")
    assert "40 rows, 38 new" in ran.err
    assert (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines() == [
        "text\ttranslation",
        *(f"{source}\t{target}" for source, target in many),
    ]
