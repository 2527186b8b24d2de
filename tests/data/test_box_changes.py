"""Changes of pictures: boxes stay around what they were drawn around, whatever is done, and the same numbers do the same again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from limelight.data.boxes import Changes, Mark, changed
from limelight.data.boxes.changes import TURNS, flipped, taken, tinted
from limelight.errors import SpecError
from limelight.inputs.pictures import Picture, read

ROWS, COLUMNS = 40, 60
BOXES = {"red": (5, 7, 20, 15), "blue": (30, 20, 58, 40)}
LOOKS = {"red": (255, 0, 0), "blue": (0, 0, 255)}
EVERYTHING = Changes(sides=0.5, ends=0.5, corners=0.5, cut=0.7, least=0.5, seen=0.0, light=0.3, contrast=0.3, colour=0.3, hue=0.02)


def shown() -> tuple[Picture, tuple[Mark, ...]]:
    """Two blocks of colour on grey, each in its box."""
    pixels = np.full((ROWS, COLUMNS, 3), 90, dtype=np.uint8)
    for name, (left, top, right, bottom) in BOXES.items():
        pixels[top:bottom, left:right] = LOOKS[name]
    marks = tuple(Mark(name, tuple(map(float, box)), hard=name == "blue") for name, box in BOXES.items())     # type: ignore[arg-type]
    return read(Image.fromarray(pixels)), marks


def around(picture: Picture, name: str) -> tuple[float, ...]:
    """The box around all pixels in which this colour is far above the other."""
    values = np.asarray(picture.image).astype(int)
    mine, other = (0, 2) if name == "red" else (2, 0)
    rows, columns = np.nonzero(values[:, :, mine] - values[:, :, other] > 60)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def true(picture: Picture, marks: tuple[Mark, ...]) -> None:
    for each in marks:
        assert each.box == around(picture, each.label)
        assert each.hard == (each.label == "blue")


@pytest.mark.parametrize("way", TURNS)
def test_turned(way: Image.Transpose) -> None:
    picture, marks = flipped(*shown(), way)
    assert picture.size == ((COLUMNS, ROWS) if way == Image.Transpose.TRANSPOSE else (ROWS, COLUMNS))
    assert len(marks) == 2
    true(picture, marks)
    again, same = flipped(picture, marks, way)
    assert same == shown()[1]
    assert again.image.tobytes() == shown()[0].image.tobytes()


def test_a_way_that_boxes_do_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="ROTATE_90"):
        flipped(*shown(), Image.Transpose.ROTATE_90)


def test_a_part_of_it() -> None:
    picture, marks = taken(*shown(), (10, 5, 45, 30))
    assert picture.size == (25, 35)
    assert [each.box for each in marks] == [(0.0, 2.0, 10.0, 10.0), (20.0, 15.0, 35.0, 25.0)]
    true(picture, marks)
    assert [each.label for each in taken(*shown(), (10, 5, 45, 30), seen=0.5)[1]] == ["red"]      # of blue 150 of 560 are in it
    assert taken(*shown(), (20, 0, 30, 40))[1] == ()                                                 # only edges touch


def test_tints_leave_boxes_alone_and_do_what_they_are_called() -> None:
    picture, _ = shown()
    grey = lambda made: np.asarray(made.image).astype(float)                                         # noqa: E731
    assert grey(tinted(picture)).tolist() == grey(picture).tolist()
    assert grey(tinted(picture, light=1.2))[0, 0].tolist() == [108.0] * 3
    assert np.ptp(grey(tinted(picture, contrast=0.5))) < np.ptp(grey(picture))
    assert np.ptp(grey(tinted(picture, colour=0.5)), axis=2).max() < 255
    turned = grey(tinted(picture, hue=1 / 3))
    assert turned[10, 10].argmax() == 1                                                              # red is green now
    assert turned[0, 0] == pytest.approx([90.0] * 3, abs=1)


def test_whatever_is_drawn_boxes_stay_true() -> None:
    sizes, counts = set(), set()
    for seed in range(60):
        picture, marks = changed(*shown(), EVERYTHING, np.random.default_rng(seed))
        true(picture, marks)
        sizes.add(picture.size)
        counts.add(len(marks))
    assert len(sizes) > 20
    assert {1, 2} <= counts


def test_the_same_numbers_do_the_same_and_what_is_off_draws_as_many() -> None:
    one, same, other = (changed(*shown(), EVERYTHING, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert one[1] == same[1]
    assert one[0].image.tobytes() == same[0].image.tobytes()
    assert one[0].image.tobytes() != other[0].image.tobytes()
    left = []
    for how in (EVERYTHING, replace(EVERYTHING, cut=0.0, sides=0.0, hue=0.0)):
        dice = np.random.default_rng(5)
        changed(*shown(), how, dice)
        left.append(dice.random())
    assert left[0] == left[1]


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    none = Changes(sides=0.0, cut=0.0, light=0.0, contrast=0.0, colour=0.0)
    picture, marks = changed(*shown(), none, np.random.default_rng(0))
    assert marks == shown()[1]
    assert picture.image.tobytes() == shown()[0].image.tobytes()
    with pytest.raises(SpecError, match="least"):
        Changes(least=0.0)
