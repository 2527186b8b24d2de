"""limelight detect: what is found in files and folders, as lines, JSON, tables, drawings, and as other tools have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ran import one_line

import shown
from limelight.data.boxes import read_coco, read_voc
from limelight.tasks.detect import Detect
from published import ALL, hf
from shown import picture

Run = Callable[..., Any]
ORDER = ["a.jpg", "b.png", "broken.png", "c.PNG", "text.gif", "d.webp"]
READ = ["a.jpg", "b.png", "c.PNG", "d.webp"]


@pytest.fixture(scope="module")
def yolos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("yolos")
    ALL["yolos-ForObjectDetection"].build().save_pretrained(at)
    hf.YolosImageProcessorPil(size={"shortest_edge": 12, "longest_edge": 24}, do_pad=False).save_pretrained(at)
    return at


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shown.album(tmp_path_factory.mktemp("pictures") / "album")


@pytest.fixture
def detect(limelight: Run, yolos: Path) -> Run:
    """The command, with everything that the model's places say."""
    return lambda *args: limelight("detect", *args, "-m", yolos, "--threshold", 0, "--dtype", "fp32")


def test_one_picture_gives_a_line_for_each_object(detect: Run, limelight: Run, yolos: Path, album: Path) -> None:
    ran = detect(album / "b.png")
    assert (ran.code, ran.err, len(ran.lines)) == (0, "", 5)
    told = json.loads(detect(album / "b.png", "--json", "--look").out)
    assert [f"{one['label']}  {one['score']:.4f}" for one in told["found"]] == [line.rsplit("  ", 1)[0] for line in ran.lines]
    assert (told["height"], told["width"], told["file"]) == (20, 30, str(album / "b.png"))
    assert {"trust", "looked"} <= told["found"][0].keys()
    assert limelight("detect", album / "b.png", "-m", yolos, "--threshold", 1).out == "nothing found\n"


def test_a_folder_gives_a_line_each_and_names_at_the_end_what_could_not_be_read(detect: Run, album: Path) -> None:
    ran = detect(album)
    assert ran.code == 2
    assert [Path(line.split("\t")[0]).name for line in ran.lines] == READ
    assert all(line.count("\t") == 5 for line in ran.lines)
    assert ran.err.splitlines()[-1].startswith("limelight: error: 2 of 6 files could not be read: broken.png, text.gif.")


def test_tables_and_going_on(detect: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert detect(album, "--output", "whole.jsonl", "--batch", 1).code == 2
    rows = [json.loads(line) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    assert [Path(row["file"]).name for row in rows] == ORDER
    assert [bool(row["error"]) for row in rows] == [False, False, True, False, True, False]
    assert rows[0]["found"][0].keys() == {"label", "score", "xmin", "ymin", "xmax", "ymax"}
    assert (rows[0]["found_height"], rows[0]["found_width"]) == (20, 30)
    done, call = list[int](), Detect.__call__

    def stops(self: Detect, *args: Any) -> Any:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return call(self, *args)

    monkeypatch.setattr(Detect, "__call__", stops)
    assert detect(album, "--output", "out.jsonl", "--batch", 1).code == 130
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert detect(album, "--output", "out.jsonl", "--batch", 1, "--resume").code == 2
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_drawings_lie_where_the_pictures_lay(detect: Run, album: Path, tmp_path: Path) -> None:
    assert detect(album, "--out", "drawn").code == 2
    drawn = sorted(path.relative_to(tmp_path / "drawn") for path in (tmp_path / "drawn").rglob("*") if path.is_file())
    assert list(map(str, drawn)) == ["a.jpg.png", "b.png.png", "c.PNG.png", "within/d.webp.png"]
    with Image.open(tmp_path / "drawn" / "b.png.png") as made:
        assert made.size == (330, 220)                                # so small that labels would hide it: larger by a whole number
        assert made.tobytes() != picture(0).resize(made.size, Image.Resampling.NEAREST).tobytes()


def test_as_coco_has_it(detect: Run, album: Path, tmp_path: Path) -> None:
    ran = detect(album, "--format", "coco")
    assert ran.code == 2
    assert detect(album, "--format", "coco", "--output", "found.json").code == 2
    assert (tmp_path / "found.json").read_text() == ran.out
    one = json.loads(detect(album / "b.png", "--json").out)["found"]
    found = read_coco(tmp_path / "found.json", album)
    assert [each.path.name for each in found.pictures] == READ
    assert found.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    assert [mark.label for mark in found.pictures[1].marks] == [each["label"] for each in one]
    assert [mark.box for mark in found.pictures[1].marks] == [pytest.approx([*each["box"].values()], abs=0.011) for each in one]


def test_pictures_of_one_name_are_called_as_they_were_given(detect: Run, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        picture(0).save(tmp_path / folder / "a.png")
    told = json.loads(detect("one/a.png", "two/a.png", "--format", "coco").out)
    assert [each["file_name"] for each in told["images"]] == ["one/a.png", "two/a.png"]
    assert [each["file_name"] for each in json.loads(detect("one/a.png", "--format", "coco").out)["images"]] == ["a.png"]


def test_eval_knows_how_much_of_what_is_marked_is_found(detect: Run, limelight: Run, yolos: Path, album: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold"
    gold.mkdir()
    for name in READ[:3]:
        (gold / name).write_bytes((album / name).read_bytes())
    assert detect(gold, "--format", "coco", "--output", gold / "marks.json").code == 0
    assert detect(gold, "--output", gold / "marks.jsonl").code == 0
    for file in (gold, gold / "marks.json", gold / "marks.jsonl"):
        ran = limelight("eval", yolos, "--file", file, "--dtype", "fp32", "--json", "--output", "scored.jsonl")
        assert ran.code == 0, ran.err
        scores = {each["name"]: each for each in json.loads(ran.out)["scores"]}
        assert scores["mAP"]["value"] == scores["mAP50"]["value"] == 100.0       # its own answers
        assert "3 pictures, 15 objects" in scores["mAP"]["signature"]
        rows = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text().splitlines()]
        assert [row["objects"] for row in rows] == [5, 5, 5]
    lines = (gold / "marks.jsonl").read_text().splitlines()
    (gold / "marks.jsonl").write_text(lines[0].replace('"label": "LABEL_', '"label": "cat ') + "\n")
    one_line(limelight("eval", yolos, "--file", gold / "marks.jsonl"), "finds none of it", "LABEL_0")
    (gold / "marks.jsonl").write_text(json.dumps({"file": "a.jpg", "found": "cat"}) + "\n")
    one_line(limelight("eval", yolos, "--file", gold / "marks.jsonl"), "row 1: what is to be found is a list")
    (gold / "marks.jsonl").write_text(json.dumps({"file": "a.jpg", "found": [{"label": "cat"}]}) + "\n")
    one_line(limelight("eval", yolos, "--file", gold / "marks.jsonl"), "row 1: an object has label, xmin")


def test_as_voc_has_it(detect: Run, album: Path, tmp_path: Path) -> None:
    assert detect(album, "--format", "voc", "--output", "marks").code == 2
    files = sorted((tmp_path / "marks").rglob("*.xml"))
    assert [str(path.relative_to(tmp_path / "marks")) for path in files] == ["a.xml", "b.xml", "c.xml", "within/d.xml"]
    assert detect(album / "b.png", "--format", "voc").out == files[1].read_text()
    found = read_voc(files[1], album)
    assert (found.path, found.size, len(found.marks)) == (album / "b.png", (20, 30), 5)
    files[3].unlink()
    ran = detect(album, "--format", "voc", "--output", "marks", "--resume")
    assert "3 of 6 pictures are done already" in ran.err
    assert "marks: 1 files written." in ran.err
    assert files[3].is_file()


def test_what_does_not_go_together_is_one_line(detect: Run, limelight: Run, yolos: Path, model: Path, album: Path, tmp_path: Path) -> None:
    one_line(detect(album, "--format", "cocoa"), 'no form "cocoa"', "coco")
    one_line(detect(album, "--format", "voc"), "6 pictures make as many files of voc", "--output FOLDER")
    one_line(detect(album, "--format", "coco", "--resume"), "--resume goes on with a table")
    one_line(detect(album / "b.png", "--format", "voc", "--resume"), "--resume is about an --output")
    one_line(detect(album, "--format", "coco", "--to-column", "x"), "--to-column is about a table")
    one_line(detect(album / "broken.png"), "broken.png cannot be decoded")
    one_line(detect(album / "broken.png", "--format", "coco"), "broken.png cannot be decoded")
    one_line(limelight("detect", album / "b.png", "-m", yolos, "--threshold", 2), "threshold")
    one_line(limelight("detect", album / "b.png", "-m", model), "cannot detect")
    for name in ("same.png", "same.jpg"):
        picture(0).save(tmp_path / name)
    one_line(detect(tmp_path / "same.png", tmp_path / "same.jpg", "--format", "voc", "--output", "x"), "would both be written to")
