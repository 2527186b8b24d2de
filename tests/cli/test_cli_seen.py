"""limelight classify and embed over pictures: files, folders, tables out, going on, and what could not be read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

import shown
from shown import picture

Run = Callable[..., Any]
ORDER = ["a.jpg", "b.png", "broken.png", "c.PNG", "text.gif", "d.webp"]


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("vit")
    shown.vit(at)
    return at


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("clip")
    shown.clip(at)
    return at


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shown.album(tmp_path_factory.mktemp("pictures") / "album")


def test_one_picture_gives_all_its_labels(limelight: Run, vit: Path, album: Path) -> None:
    ran = limelight("classify", album / "b.png", "-m", vit)
    assert (ran.code, ran.err) == (0, "")
    assert {line.split()[0] for line in ran.lines} == {"cat", "dog", "mouse"}
    told = json.loads(limelight("classify", album / "b.png", "-m", vit, "--json").out)
    assert told["file"] == str(album / "b.png")
    assert told["label"] == ran.lines[0].split()[0]


def test_a_folder_gives_a_line_each_and_names_at_the_end_what_could_not_be_read(limelight: Run, vit: Path, album: Path) -> None:
    ran = limelight("classify", album, album / "nowhere.png", "-m", vit)
    assert ran.code == 2
    assert [Path(line.split("\t")[0]).name for line in ran.lines] == ["a.jpg", "b.png", "c.PNG", "d.webp"]
    *said, last = ran.err.splitlines()
    assert last.startswith("limelight: error: 3 of 7 files could not be read: broken.png, text.gif, nowhere.png.")
    assert [part for part in ("passed over", "broken.png", "text.gif is no picture", "nowhere.png: no such file")
            if not any(part in line for line in said)] == []
    rows = [json.loads(line) for line in limelight("classify", album, "-m", vit, "--json").lines]
    assert [Path(row["file"]).name for row in rows] == ORDER
    assert [Path(row["file"]).name for row in rows if "error" in row] == ["broken.png", "text.gif"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_has_a_row_for_each_file_and_says_what_was_wrong(limelight: Run, vit: Path, album: Path, tmp_path: Path, kind: str) -> None:
    ran = limelight("classify", album, "-m", vit, "--output", f"out.{kind}")
    assert ran.code == 2
    assert f"out.{kind}: 6 rows, 6 new." in ran.err
    assert "2 of 6 files could not be read: broken.png, text.gif." in ran.err
    if kind == "parquet":
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    elif kind == "jsonl":
        rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    else:
        with (tmp_path / f"out.{kind}").open(newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t" if kind == "tsv" else ","))
    assert [Path(row["file"]).name for row in rows] == ORDER
    assert [bool(row["error"]) for row in rows] == [False, False, True, False, True, False]
    assert [row.get("label") in shown.LABELS.values() for row in rows] == [True, True, False, True, False, True]
    assert float(rows[0]["label_score"]) > 0.3


def test_what_was_broken_off_is_gone_on_with(
    limelight: Run, vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.inputs import pictures

    for number in range(6):
        picture(number).save(tmp_path / f"{number}.png")
    whole = limelight("classify", tmp_path, "-m", vit, "--batch", 2, "--output", "whole.jsonl")
    assert whole.code == 0
    looked, read = list[str](), pictures.read

    def stops(path: Path) -> Any:
        if path.name == "4.png" and len(looked) == 4:
            raise KeyboardInterrupt
        looked.append(path.name)
        return read(path)

    monkeypatch.setattr(pictures, "read", stops)
    ran = limelight("classify", tmp_path, "-m", vit, "--batch", 2, "--output", "out.jsonl")
    assert ran.code == 130
    assert "Stopped: 4 rows are kept in out.jsonl.part" in ran.err
    looked.clear()
    ran = limelight("classify", tmp_path, "-m", vit, "--batch", 2, "--output", "out.jsonl", "--resume")
    assert (ran.code, looked) == (0, ["4.png", "5.png"])
    assert "out.jsonl: 6 rows, 2 new." in ran.err
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_any_words_with_clip(limelight: Run, clip: Path, album: Path) -> None:
    ran = limelight("classify", album / "b.png", "-m", clip, "--labels", "cat,black mouse", "--json")
    assert ran.code == 0
    assert set(json.loads(ran.out)["labels"]) == {"cat", "black mouse"}
    other = limelight("classify", album / "b.png", "-m", clip, "--labels", "cat,black mouse", "--template", "{}!", "--json")
    assert json.loads(other.out)["scores"] != json.loads(ran.out)["scores"]
    one_line(limelight("classify", album / "b.png", "-m", clip), "compares a picture with words")


def test_vectors_of_pictures_and_how_near_they_lie_to_words(limelight: Run, clip: Path, album: Path) -> None:
    ran = limelight("embed", album / "a.jpg", album / "b.png", "-m", clip)
    assert [len(line.split("\t")) for line in ran.lines] == [11, 11]
    assert len(limelight("embed", album / "a.jpg", "-m", clip).out.split("\t")) == 10
    near = limelight("embed", album / "a.jpg", album / "b.png", "a black cat", "-m", clip, "--similar", "--json")
    table = json.loads(near.out)["similarities"]
    assert table[0][0] == pytest.approx(1.0)
    assert table[0][2] == pytest.approx(table[2][0])
    assert len(limelight("embed", "a black cat", "-m", clip).out.split("\t")) == 10


def test_what_does_not_go_together_is_one_line(limelight: Run, vit: Path, model: Path, album: Path, tmp_path: Path) -> None:
    one_line(limelight("embed", album / "b.png", "-m", model), "reads texts and no pictures", "b.png")
    one_line(limelight("classify", "The black cat ate the mouse.", "-m", vit), "no such file")
    one_line(limelight("classify", tmp_path / "nowhere.png", "-m", vit), "no such file")
    one_line(limelight("classify", album / "broken.png", "-m", vit), "broken.png cannot be decoded")
    one_line(limelight("classify", album, "-m", vit, "--resume"), "--resume is about an --output")
    one_line(limelight("classify", album, "-m", vit, "--column", "text"), "--column is about texts")
    one_line(limelight("classify", album, "-m", vit, "--pair", "A cat."), "--pair is about texts")
    one_line(limelight("classify", album, "-m", vit, "--why"), "which words decided")
    one_line(limelight("embed", album, "-m", vit, "--tokens"), "vectors of tokens")
    (tmp_path / "empty").mkdir()
    one_line(limelight("classify", tmp_path / "empty", "-m", vit), "it holds no files")


def test_a_text_that_is_the_name_of_a_folder_stays_a_text(limelight: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    assert limelight("embed", "cat", "-m", model).code == 0
