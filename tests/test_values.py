"""Values: frozen, checked when made, hashable, to JSON data and back; complaints are one line with the place in it."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from limelight.errors import InputError, RecipeError, SpecError
from limelight.values import parse, plain, value


@value
class Round:
    kind: Literal["round"] = "round"
    radius: Annotated[float, Field(gt=0)] = 1.0


@value
class Square:
    kind: Literal["square"] = "square"
    side: int
    colour: str = "red"

    def __post_init__(self) -> None:
        if self.side == 13:
            raise SpecError("squares of 13 are unlucky.", "Use 12.")


Shape = Annotated[Round | Square, Field(discriminator="kind")]


@value
class Picture:
    name: str
    shape: Shape = Round()
    more: tuple[Shape, ...] = ()
    depth: int | None = None


def test_a_value_is_keyword_only_and_frozen() -> None:
    with pytest.raises(SpecError):
        Square(3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Square(side=3).side = 4
    assert dataclasses.replace(Square(side=3), side=4) == Square(side=4)


def test_replace_is_checked_too() -> None:
    with pytest.raises(SpecError, match="side"):
        dataclasses.replace(Square(side=3), side="wide")


def test_equal_values_hash_alike_and_serve_as_keys() -> None:
    one, two = Picture(name="a", shape=Square(side=2)), Picture(name="a", shape=Square(side=2))
    assert one == two
    assert len({one, two, Picture(name="b")}) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Square(side="wide"), "Square: side: .*got 'wide'"),
        (lambda: Round(radius=0), "Round: radius: .*greater than 0; got 0"),
        (lambda: Round(radius="nan-ish"), "Round: radius: .*got 'nan-ish'"),
        (lambda: Square(), 'Square: "side" is missing'),
        (lambda: Square(sied=3), 'Square: unknown key "sied"'),
        (lambda: Square(side=13), "unlucky"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(make, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_the_hint_names_the_nearest_key() -> None:
    with pytest.raises(SpecError) as caught:
        Square(colr="blue")
    assert caught.value.hint == 'Did you mean "colour"?   Known: colour, kind, side.'


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ({"name": "a", "shpe": 1}, 'unknown key "shpe"', 'Did you mean "shape"?'),
        ({"name": "a", "shape": {"kind": "square", "sidee": 1}}, "sidee", 'Did you mean "side"?'),
        ({"name": "a", "more": [{"kind": "round", "radus": 1}]}, "radus", 'Did you mean "radius"?'),
        ({"shape": {"kind": "round"}}, '"name" is missing', "Give it a value."),
        ({"name": "a", "shape": {"kind": "oval"}}, "oval", ""),
        ({"name": "a", "shape": {"kind": "square", "side": 13}}, "unlucky", "Use 12."),
        ({"name": "a", "depth": 1.5}, "depth", ""),
        ("not a mapping", "not a mapping", ""),
        (None, "None", ""),
    ],
)
def test_parse_says_where_and_what(data: object, message: str, hint: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(Picture, data, where="en-fr.toml", error=RecipeError)
    assert caught.value.message.startswith("en-fr.toml: ")
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint)
    assert "\n" not in str(caught.value)


def test_keys_of_another_kind_are_not_offered() -> None:
    with pytest.raises(SpecError) as caught:
        parse(Picture, {"name": "a", "shape": {"kind": "square", "siide": 1}})
    assert "radius" not in caught.value.hint


def test_the_place_in_a_list_is_named() -> None:
    with pytest.raises(InputError, match=r"more\.1.*side"):
        parse(Picture, {"name": "a", "more": [{"kind": "round"}, {"kind": "square", "side": "x"}]}, error=InputError)


def test_plain_is_json_data() -> None:
    picture = Picture(name="a", more=(Round(), Square(side=2)))
    data = plain(picture)
    assert data == json.loads(json.dumps(data))
    assert data["more"] == [{"kind": "round", "radius": 1.0}, {"kind": "square", "side": 2, "colour": "red"}]


SHAPES = st.one_of(
    st.builds(Round, radius=st.floats(1e-6, 1e6)),
    st.builds(Square, side=st.integers(-(10**6), 10**6).filter(lambda side: side != 13), colour=st.text(max_size=9)),
)


@given(st.builds(Picture, name=st.text(), shape=SHAPES, more=st.lists(SHAPES, max_size=3).map(tuple), depth=st.none() | st.integers()))
def test_any_value_goes_to_json_and_back(picture: Picture) -> None:
    back = parse(Picture, json.loads(json.dumps(plain(picture))))
    assert back == picture
    assert hash(back) == hash(picture)
