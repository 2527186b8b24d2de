"""limelight caption: files, folders, sheets, tables out, going on, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ran import one_line

import shown
from shown import picture

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("blip")
    shown.blip(at)
    return at


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shown.album(tmp_path_factory.mktemp("pictures") / "album")


def test_a_caption_for_each_picture_and_the_bad_ones_at_the_end(limelight: Run, blip: Path, album: Path) -> None:
    alone = limelight("caption", album / "b.png", "-m", blip, "--max-length", 8)
    assert alone.code == 0
    assert len(alone.lines) == 1
    ran = limelight("caption", album, "-m", blip, "--max-length", 8)
    assert ran.code == 2
    assert [Path(line.split("\t")[0]).name for line in ran.lines] == ["a.jpg", "b.png", "c.PNG", "d.webp"]
    assert ran.lines[1].split("\t")[1] == alone.lines[0]
    assert "2 of 6 files could not be read: broken.png, text.gif." in ran.err
    told = json.loads(limelight("caption", album / "b.png", "-m", blip, "--max-length", 8, "--json").out)
    assert (told["generated_text"], told["file"]) == (alone.lines[0], str(album / "b.png"))


def test_what_is_cut_off_says_so(limelight: Run, blip: Path, album: Path) -> None:
    ran = limelight("caption", album / "b.png", "-m", blip, "--max-length", 1)
    assert "the answer was cut off before the end" in ran.err


def test_where_words_looked_is_told_and_drawn(limelight: Run, blip: Path, album: Path, tmp_path: Path) -> None:
    ran = limelight("caption", album, "-m", blip, "--max-length", 8, "--out", "sheets", "--json")
    told = [json.loads(line) for line in ran.lines]
    assert all(each["how"].startswith("the average of all heads of decoder.1.cross") for each in told if each.get("words"))
    drawn = sorted(str(path.relative_to(tmp_path / "sheets")) for path in (tmp_path / "sheets").rglob("*.png"))
    assert drawn == ["a.jpg.png", "b.png.png", "c.PNG.png", str(Path("within") / "d.webp.png")]
    with Image.open(tmp_path / "sheets" / "b.png.png") as sheet:
        assert sheet.width >= 30
    some = next(each for each in told if each.get("words"))
    alone = limelight("caption", some["file"], "-m", blip, "--max-length", 8, "--look")
    assert alone.lines[0] == some["generated_text"]
    assert "row " in alone.lines[1]
    assert alone.lines[-1] == some["trust"]


def test_a_table_is_written_and_gone_on_with(limelight: Run, blip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.inputs import pictures

    for number in range(4):
        picture(number).save(tmp_path / f"{number}.png")
    asked = ("caption", tmp_path, "-m", blip, "--max-length", 6, "--batch", 2)
    assert limelight(*asked, "--output", "whole.jsonl").code == 0
    looked, actual = list[str](), pictures.read

    def stops(path: Path) -> Any:
        if path.name == "2.png" and len(looked) == 2:
            raise KeyboardInterrupt
        looked.append(path.name)
        return actual(path)

    monkeypatch.setattr(pictures, "read", stops)
    assert limelight(*asked, "--output", "out.jsonl").code == 130
    looked.clear()
    assert limelight(*asked, "--output", "out.jsonl", "--resume").code == 0
    assert looked == ["2.png", "3.png"]
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert set(json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])) == {"file", "caption", "error"}


def test_what_does_not_go_together_is_one_line(limelight: Run, blip: Path, model: Path, album: Path, tmp_path: Path) -> None:
    one_line(limelight("caption", album / "b.png", "-m", model), "cannot caption")
    one_line(limelight("caption", album, "-m", blip, "--resume"), "--resume is about an --output")
    one_line(limelight("caption", album, "-m", blip, "--prompt", "The cat " * 40), "a prompt has")
    one_line(limelight("caption", album / "b.png", "-m", blip, "--seed", 3), "--seed is for drawing")
    one_line(limelight("caption", album / "nowhere.png", "-m", blip), "no such file")
    (tmp_path / "b.png").write_bytes((album / "b.png").read_bytes())
    one_line(limelight("caption", album / "b.png", tmp_path / "b.png", "-m", blip, "--out", "sheets"), "would both be written")
