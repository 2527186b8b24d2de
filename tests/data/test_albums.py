"""Pictures with boxes: COCO's and VOC's files read and written, blood cells among them, and lessons of them; bad files in one line."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from limelight.data.boxes import Mark, Marked, lesson, read_album, read_coco, read_voc, to_coco, to_voc
from limelight.errors import InputError
from limelight.inputs.pictures import read
from limelight.spec import Pictures

DATA = Path(os.environ.get("LIMELIGHT_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
CAT = Mark("cat", (10.0, 20.0, 40.0, 50.0))
DOG = Mark("dog <2>", (0.0, 0.0, 5.0, 60.0), hard=True)


def marked(name: str, *marks: Mark) -> Marked:
    return Marked(Path(name), (60, 80), marks)


def pictures(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 60)).save(folder / name)
    return folder


def one_line(work: Callable[[], Any], *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        work()
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)


# --- COCO ---------------------------------------------------------------------------------------------------------------
def test_coco_there_and_back(tmp_path: Path) -> None:
    given = [marked("a.png", CAT, DOG), marked("within/b.png"), marked("c.png", Mark("cat", (1.25, 2.0, 3.5, 4.0), score=0.75))]
    path = pictures(tmp_path, "a.png", "within/b.png", "c.png") / "marks.json"
    path.write_text(json.dumps(to_coco(given, ("dog <2>", "cat"))))
    found = read_coco(path)
    assert found.labels == ("dog <2>", "cat")
    assert [(each.path, each.size, each.marks) for each in found.pictures] == [(tmp_path / e.path, e.size, e.marks) for e in given]
    assert read_album(tmp_path) == read_album(path) == found


def test_categories_have_the_numbers_of_labels() -> None:
    told = to_coco([marked("a.png", CAT)], ("N/A", "dog", "N/A", "cat"))
    assert told["categories"] == [{"id": 0, "name": "N/A"}, {"id": 1, "name": "dog"}, {"id": 3, "name": "cat"}]
    (one,) = told["annotations"]
    assert one == {"id": 1, "image_id": 1, "category_id": 3, "bbox": [10.0, 20.0, 30.0, 30.0], "area": 900.0, "iscrowd": 0}


@pytest.mark.parametrize("places", [("annotations/instances_val2017.json", "val2017"), ("val/_annotations.coco.json", "val")])
def test_pictures_are_found_where_they_usually_are(tmp_path: Path, places: tuple[str, str]) -> None:
    file, folder = places
    pictures(tmp_path / folder, "a.png")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(json.dumps(to_coco([marked("a.png", CAT)], ("cat",))))
    assert read_album(tmp_path, "val").pictures[0].path == tmp_path / folder / "a.png"
    one_line(lambda: read_album(tmp_path, "train"), "0 files of marks for 'train'", file)


def test_bad_files_of_coco(tmp_path: Path) -> None:
    path, whole = tmp_path / "marks.json", to_coco([marked("a.png", CAT)], ("cat",))
    pictures(tmp_path, "a.png")

    def written(**parts: Any) -> Callable[[], Any]:
        path.write_text(json.dumps({**whole, **parts}))
        return lambda: read_coco(path)

    one_line(written(images=None), "holds no images, annotations, categories")
    one_line(written(annotations=[{**whole["annotations"][0], "image_id": 9}]), "object 1 is of a picture or a category")
    one_line(written(annotations=[{**whole["annotations"][0], "image_id": [1]}]), "object 1: image_id is a number or a name: got '[1]'")
    one_line(written(images=[{"file_name": "a.png", "height": 60, "width": 80}]), "id is a number or a name: got 'None'")
    one_line(written(annotations=[{**whole["annotations"][0], "bbox": [1, 2, 3]}]), "object 1: bbox is [left, top, width, height]")
    one_line(written(annotations=[{**whole["annotations"][0], "bbox": [1, 2, 3, 10**400]}]), "object 1: bbox is a number")
    one_line(written(annotations=[{**whole["annotations"][0], "bbox": [1, 2, -3, 4]}]), "left <= right")
    one_line(written(images=[{**whole["images"][0], "file_name": "../a.png"}]), "no name of a picture beside it")
    one_line(written(images=[{**whole["images"][0], "file_name": "b.png"}]), "which is in none of")
    one_line(written(images=[{**whole["images"][0], "height": "tall"}]), "height is a number: got 'tall'")
    one_line(written(images=[{**whole["images"][0], "height": float("inf")}]), "height is a number: got 'inf'")
    path.write_text("[" * 100_000)
    one_line(lambda: read_coco(path), "is not JSON")
    one_line(lambda: read_coco(tmp_path / "none.json"), "no such file")


# --- VOC ----------------------------------------------------------------------------------------------------------------
def test_voc_there_and_back(tmp_path: Path) -> None:
    given = marked("a.png", CAT, DOG, Mark("cat", (1.0, 2.0, 3.0, 4.0), score=0.75))
    (tmp_path / "a.xml").write_text(to_voc(given))
    found = read_voc(tmp_path / "a.xml")
    assert (found.path, found.size, found.marks) == (tmp_path / "a.png", given.size, given.marks)


def test_edges_of_voc_count_pixels_from_one() -> None:
    text = to_voc(marked("a.png", Mark("dot", (0.0, 0.0, 1.0, 1.0)), Mark("less", (7.2, 7.2, 7.3, 7.3))))
    for edge, values in {"xmin": ["1", "8"], "xmax": ["1", "8"]}.items():
        assert [part.split("<")[0] for part in text.split(f"<{edge}>")[1:]] == values


def test_bad_files_of_voc(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.xml", to_voc(marked("a.png", CAT))

    def written(old: str, new: str) -> Callable[[], Any]:
        assert old in whole
        path.write_text(whole.replace(old, new))
        return lambda: read_voc(path)

    one_line(written("<annotation>", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>'), "declares a type or entities")
    one_line(written("</annotation>", ""), "is not XML")
    one_line(written("annotation>", "html>"), "begins with <html>")
    one_line(written("a.png", "/etc/a.png"), "no name of a picture")
    one_line(written("<xmax>40</xmax>", ""), "object 1: xmax is a number: got 'None'")
    one_line(written("<xmax>40</xmax>", "<xmax>4</xmax>"), "left <= right")
    one_line(written("<name>cat</name>", "<name> </name>"), "object 1 has no name")
    one_line(written("<height>60</height>", "<height>0</height>"), "a picture of 0 x 80 pixels")
    path.write_bytes(b"\xff\xfe<\0")
    one_line(lambda: read_voc(path), "is not UTF-8")


def test_a_folder_of_voc_and_its_parts(tmp_path: Path) -> None:
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    for name, mark in (("a", CAT), ("b", DOG)):
        pictures(tmp_path / "JPEGImages", f"{name}.png")
        (tmp_path / "Annotations" / f"{name}.xml").write_text(to_voc(marked(f"{name}.png", mark)))
    (tmp_path / "ImageSets" / "Main" / "test.txt").write_text("b\n")
    (tmp_path / "ImageSets" / "Main" / "odd.txt").write_text("c -1\n")
    assert [each.path.name for each in read_album(tmp_path).pictures] == ["a.png", "b.png"]
    found = read_album(tmp_path, "test")
    assert [each.path.name for each in found.pictures] == ["b.png"]
    assert found.labels == ("cat", "dog <2>")                        # of the whole folder
    assert read_album(tmp_path / "ImageSets" / "Main" / "test.txt") == found
    one_line(lambda: read_album(tmp_path, "train"), "there is no list", "Parts that are there: odd, test")
    one_line(lambda: read_album(tmp_path, "odd"), "'c' has no file in")
    (tmp_path / "JPEGImages" / "b.png").unlink()
    one_line(lambda: read_album(tmp_path), "b.png is not there")
    one_line(lambda: read_album(tmp_path / "JPEGImages"), "0 files of marks, wanted one")


def test_blood_cells() -> None:
    folder = DATA / "bccd_detection" / "BCCD"
    if not folder.is_dir():
        pytest.skip("the data set is not here")
    whole, parts = read_album(folder), [read_album(folder, part) for part in ("train", "val", "test")]
    assert whole.labels == ("Platelets", "RBC", "WBC")
    assert Counter(mark.label for each in whole.pictures for mark in each.marks) == {"RBC": 4155, "WBC": 372, "Platelets": 361}
    assert [len(part.pictures) for part in parts] == [205, 87, 72]
    assert sorted(each.path for part in parts for each in part.pictures) == [each.path for each in whole.pictures]
    assert {each.size for each in whole.pictures} == {(480, 640)}
    for each in whole.pictures:
        assert all(0 <= mark.box[0] < mark.box[2] <= 640 and 0 <= mark.box[1] < mark.box[3] <= 480 for mark in each.marks)


# --- lessons ------------------------------------------------------------------------------------------------------------
def test_a_lesson_has_shares_of_each_picture() -> None:
    beyond, nowhere = Mark("cat", (60.0, -10.0, 100.0, 30.0)), Mark("cat", (90.0, 0.0, 95.0, 10.0))
    shown = [read(Image.new("RGB", (80, 60))), read(Image.new("RGB", (60, 80)))]
    found = lesson(shown, [(CAT, DOG, beyond, nowhere), ()], ("dog <2>", "cat"), Pictures(size=(24, 32)))
    assert found.batch.values.shape == (2, 3, 24, 32)
    assert [each.tolist() for each in found.labels] == [[1, 1], []]
    wanted = torch.tensor([[25 / 80, 35 / 60, 30 / 80, 30 / 60], [70 / 80, 15 / 60, 20 / 80, 30 / 60]])
    assert torch.allclose(found.boxes[0], wanted)
    assert found.boxes[1].shape == (0, 4)
    one_line(lambda: lesson(shown[:1], [(CAT,)], ("dog",), Pictures()), "the model knows no 'cat'")
    one_line(lambda: lesson(shown[:1], [()], ("dog",), Pictures(crop=(8, 8))), "boxes would move")


def test_a_picture_has_the_size_that_its_marks_are_for(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    assert Marked(tmp_path / "a.png", (60, 80)).picture().size == (60, 80)
    one_line(lambda: Marked(tmp_path / "a.png", (80, 60)).picture(), "a.png: its marks are for 80 x 60 pixels, and it has 60 x 80")
    one_line(lambda: Marked(tmp_path / "b.png", (60, 80)).picture(), "no such file")
