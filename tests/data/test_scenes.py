"""Scenes: made alike everywhere, said and read back, found by rule in their own pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from limelight.data.scenes import (
    COLOURS,
    SHAPES,
    SIZES,
    Kind,
    Scene,
    Thing,
    Told,
    agree,
    drawn,
    find,
    kinds,
    make,
    paint,
    read,
    relation,
    say,
)
from limelight.errors import InputError

PARTS = kinds(8)
SIDE = 64


def test_kinds_that_are_held_back_leave_each_shape_colour_and_size_in_others() -> None:
    assert len(PARTS.held) == 8
    assert not set(PARTS.held) & set(PARTS.learnt)
    assert len(PARTS.held) + len(PARTS.learnt) == len(SHAPES) * len(COLOURS) * len(SIZES)
    assert {kind.shape for kind in PARTS.learnt} == set(SHAPES)
    assert {kind.colour for kind in PARTS.learnt} == set(COLOURS)
    assert {kind.colour for kind in PARTS.held} == set(COLOURS)
    with pytest.raises(InputError, match="at most 12"):
        kinds(13)


def test_things_stay_in_the_picture_and_apart() -> None:
    for index in range(300):
        scene = make(PARTS, seed=1, index=index, novel=index % 2 == 0)
        assert len({thing.kind for thing in scene.things}) == len(scene.things) in (1, 2, 3)
        assert any(thing.kind in PARTS.held for thing in scene.things) == (index % 2 == 0)
        for n, a in enumerate(scene.things):
            assert 0 < a.box[0] < a.box[2] < 1
            assert 0 < a.box[1] < a.box[3] < 1
            for b in scene.things[:n]:
                assert a.box[2] < b.box[0] or b.box[2] < a.box[0] or a.box[3] < b.box[1] or b.box[3] < a.box[1]


def test_the_same_number_gives_the_same_scene_and_another_another() -> None:
    first, again, other = (make(PARTS, seed=seed, index=5) for seed in (1, 1, 2))
    assert first == again != other
    assert (paint(first, SIDE, seed=1, index=5) == paint(again, SIDE, seed=1, index=5)).all()
    assert say(first, seed=1, index=5) == say(again, seed=1, index=5)


def test_what_is_said_is_read_back_and_true() -> None:
    texts = set()
    for index in range(3000):
        scene = make(PARTS, seed=2, index=index)
        text = say(scene, seed=2, index=index)
        told = read(text)
        assert told is not None, text
        assert agree(told, scene).all, text
        assert len(told.relations) == len(scene.things) - 1
        texts.add(text)
    assert len(texts) > 2500
    assert read("There is a tiny red disc.") == Told((Kind("small", "red", "circle"),), ())
    for odd in ("", "a red circle", "a small red circle left of", "a small red circle left of a big blue box and more"):
        assert read(odd) is None


def test_plain_words_are_always_the_same() -> None:
    told = [say(make(PARTS, seed=0, index=i), seed=0, index=i, plain=True) for i in range(200)]
    assert all(text.startswith("a ") for text in told)
    words = {word for text in told for word in text.split()}
    assert words & {"small", "circle", "above", "left"} == {"small", "circle", "above", "left"}
    assert not words & {"little", "tiny", "disc", "plus", "over", "there", "with", "picture"}


def test_what_is_not_so_is_noticed() -> None:
    red, blue = Kind("small", "red", "circle"), Kind("large", "blue", "square")
    scene = Scene((Thing(red, 0.2, 0.5, 0.09), Thing(blue, 0.7, 0.5, 0.17)), ((0, 1),))
    assert agree(read("a small red circle left of a large blue square"), scene).all
    assert agree(read("a big blue box right of a tiny red disc"), scene).all
    assert agree(read("a small red circle right of a large blue square"), scene) == (True, False)
    assert not agree(read("a large red circle left of a large blue square"), scene).things
    assert not agree(read("a small red circle"), scene).things
    assert not agree(None, scene).things


@pytest.mark.parametrize("blur", [0.0, 0.7])
def test_the_finder_finds_what_was_painted(blur: float) -> None:
    right = 0
    for index in range(300):
        scene = make(PARTS, seed=3, index=index, novel=index % 2 == 0)
        picture = paint(scene, SIDE, seed=3, index=index)
        if blur:
            picture = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(blur)))
        told, found = read(say(scene, seed=3, index=index)), find(picture)
        assert told is not None
        right += drawn(told, found).all
        for thing in scene.things if not blur else ():
            nearest = min(found, key=lambda each: abs(each.x - thing.x) + abs(each.y - thing.y))
            assert max(abs(nearest.x - thing.x), abs(nearest.y - thing.y)) < 0.02
    assert right >= (300 if not blur else 297)


def test_the_finder_sees_nothing_in_an_empty_picture_and_passes_over_specks() -> None:
    picture = np.full((SIDE, SIDE, 3), 240, np.uint8)
    assert find(picture) == ()
    picture[10:12, 10:12] = COLOURS["red"]
    assert find(picture) == ()


def test_what_is_missing_or_wrong_in_a_drawing_is_counted() -> None:
    told = read("a small red circle left of a large blue square")
    assert told is not None
    red, blue = Thing(Kind("small", "red", "circle"), 0.2, 0.5, 0.09), Thing(Kind("large", "blue", "square"), 0.7, 0.5, 0.17)
    assert drawn(told, (blue, red)).all
    assert drawn(told, ()) == ((2, 0), (2, 0), (2, 0), (1, 0), 0)
    assert drawn(told, (red,)) == ((2, 1), (2, 1), (2, 1), (1, 0), 0)
    swapped = drawn(told, (red._replace(x=0.9), blue._replace(x=0.3)))
    assert swapped.relations == (1, 0)
    assert swapped.share == 6 / 7
    green = drawn(told, (red._replace(kind=Kind("small", "green", "circle")), blue, blue._replace(y=0.1)))
    assert green == ((2, 2), (2, 1), (2, 2), (1, 1), 1)
    assert not green.all


def test_relations_turn_round() -> None:
    turned = {"left": "right", "right": "left", "above": "below", "below": "above"}
    for index in range(100):
        scene = make(PARTS, seed=4, index=index)
        for a, b in scene.said:
            assert relation(scene.things[b], scene.things[a]) == turned[relation(scene.things[a], scene.things[b])]
