"""limelight draw: seeds in, files of pictures out, one or a grid; JSON; what cannot be drawn or written is said in a line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from ran import Ran, one_line

from limelight.cli.drawing import read_seeds
from limelight.errors import RecipeError

Run = Callable[..., Ran]
TEXT = "A red cat."


@pytest.fixture(scope="module")
def artist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random one."""
    from drawers import of_kind

    return of_kind("alone", tmp_path_factory.mktemp("artist"))


def held(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.copy()


def test_a_picture_for_each_seed(limelight: Run, artist: Path, tmp_path: Path) -> None:
    found = limelight("draw", "-m", artist, TEXT, "--seeds", "0-1,5", "--out", "cat.png")
    assert found.code == 0, found.err
    assert found.lines == ["cat-0.png", "cat-1.png", "cat-5.png"]
    assert {held(tmp_path / name).size for name in found.lines} == {(12, 8)}
    alone = limelight("draw", "-m", artist, TEXT, "--seeds", "5", "--out", "one.png")
    assert alone.lines == ["one.png"]
    assert held(tmp_path / "one.png").tobytes() == held(tmp_path / "cat-5.png").tobytes()


def test_a_grid_and_what_is_told_of_it(limelight: Run, artist: Path, tmp_path: Path) -> None:
    found = limelight("draw", "-m", artist, TEXT, "--seeds", "0-3", "--grid", "--words", "--json")
    assert found.code == 0, found.err
    told = json.loads(found.out)
    assert told["files"] == ["drawn.png"]
    assert [each["seed"] for each in told["pictures"]] == [0, 1, 2, 3]
    assert told["pictures"][0]["patches"]["words"] == ["A", "red", "cat", "."]
    assert held(tmp_path / "drawn.png").size == (2 * 12 + 2, 2 * 8 + 2)


def test_words_for_people(limelight: Run, artist: Path) -> None:
    lines = limelight("draw", "-m", artist, TEXT, "--words").lines
    assert lines[0] == "drawn.png"
    assert lines[1].startswith("seed 0: words and patches, in one order with what leaving words out does: ")
    assert [line.split()[0] for line in lines[2:]] == ["A", "red", "cat", "."]


def test_the_best_of_several(limelight: Run, artist: Path, tmp_path: Path) -> None:
    import shown

    shown.clip(tmp_path / "clip")
    found = limelight("draw", "-m", artist, TEXT, "--seeds", "0-3", "--rank", "clip", "--keep", "2", "--out", "cat.png")
    assert found.code == 0, found.err
    *names, told = found.lines
    assert told.startswith("seeds, best first by clip: ")
    assert len(names) == 2
    assert {path.name for path in tmp_path.glob("cat*.png")} == set(names)
    every = json.loads(limelight("draw", "-m", artist, TEXT, "--seeds", "0-3", "--rank", "clip", "--json").out)
    assert [f"cat-{each['seed']}.png" for each in every["pictures"]][:2] == names
    one_line(limelight("draw", "-m", artist, TEXT, "--seeds", "0-3", "--keep", "2"), "they are not ranked")
    one_line(limelight("draw", "-m", artist, TEXT, "--rank", "clip", "--keep", "2"), "--keep 2 keeps the best")
    one_line(limelight("draw", "-m", artist, TEXT, "--rank", artist), "cannot rank drawings")


def test_what_is_refused_is_refused_before_anything_is_drawn(limelight: Run, artist: Path) -> None:
    one_line(limelight("draw", "-m", artist, TEXT, "--seeds", "some"), "whole numbers", "0-15, or 3,7")
    one_line(limelight("draw", "-m", artist, TEXT, "--out", "cat.txt"), "no ending of a picture")
    one_line(limelight("draw", "-m", artist, TEXT, "--out", "nowhere/cat.png"), "nowhere is no folder")
    one_line(limelight("draw", "-m", artist, "cat " * 40), "room for 15")
    one_line(limelight("draw", "-m", artist, TEXT, "--top-k", "0"), "top_k")


def test_seeds() -> None:
    assert read_seeds("0-2,7, 1") == (0, 1, 2, 7)
    for wrong in ("", "3-1", "-1", "1-", "0-10000", "1.5"):
        with pytest.raises(RecipeError):
            read_seeds(wrong)
