"""A picture refuses what cannot be drawn or trusted, and survives JSON."""

from __future__ import annotations

import json

import pytest
from sights import hostile, picture, sized, with_tokens

from limelight.errors import SpecError
from limelight.look.picture import from_json, to_json


def test_json_round_trip_keeps_everything_that_four_digits_keep() -> None:
    for shown in (picture(), with_tokens(), hostile()):
        again = from_json(to_json(shown))
        assert to_json(again) == to_json(shown)
        assert (again.source, again.links, again.trust) == (shown.source, shown.links, shown.trust)
    assert from_json(to_json(picture())) == picture()                 # its weights have two digits


def test_json_rounds_to_four_digits() -> None:
    shown = picture(source=("a", "b"), target=("c",), weights=((0.123456, 0.00001),), links=())
    assert json.loads(to_json(shown))["weights"] == [[0.1235, 0]]


def test_a_rounded_long_row_can_still_be_read() -> None:
    shown = picture(source=("w",) * 3000, target=("t",), weights=((1 / 3000,) * 3000,), links=())   # each rounds to 0.0003
    assert len(from_json(to_json(shown)).weights[0]) == 3000
    upwards = picture(source=("w",) * 6000, target=("t",), weights=((1 / 6000,) * 6000,), links=())  # sums to 1.2 when rounded
    assert len(from_json(to_json(upwards)).weights[0]) == 6000


def test_half_a_surrogate_pair_becomes_text() -> None:
    to_json(picture(title="broken \udc80")).encode("utf-8")


def test_looks_are_ranked_and_keep_what_is_linked() -> None:
    shown = picture()
    black, cat = shown.looks(2)
    assert (shown.source[black.column], black.weight, black.linked) == ("black", 0.83, True)
    assert (shown.source[cat.column], cat.weight, cat.linked) == ("cat", 0.05, False)
    weak = picture(links=((6, 2),))
    assert [weak.source[look.column] for look in weak.looks(2, most=1)] == ["black", "."]
    flat = picture(source=("a", "b"), target=("c",), weights=((0.01, 0.01),), links=())
    assert [look.column for look in flat.looks(0)] == [0]               # never nothing, and ties by position


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": ((1.0,) * 7,)}, "weights: got 1 rows, wanted one for each of 8 target words"),
        ({"weights": ((0.1,) * 6,) * 8}, "weights: row 0 has 6 weights, wanted one for each of 7 source words"),
        ({"weights": ((0.3,) * 7,) * 8}, "row 0 sums to 2.1000, wanted at most 1"),
        ({"weights": ((-0.1,) * 7,) * 8}, "row 0 holds a weight that is negative or no number"),
        ({"weights": ((float("nan"),) * 7,) * 8}, "row 0 holds a weight that is negative or no number"),
        ({"weights": ((float("inf"),) * 7,) * 8}, "row 0 sums to inf"),
        ({"links": ((7, 0),)}, r"links: \(7, 0\) points outside 7 source and 8 target words"),
        ({"links": ((0, -1),)}, r"links: \(0, -1\) points outside"),
        ({"source": (), "weights": ((),) * 8, "links": ()}, "got 8 target and 0 source words, wanted at least one of each"),
        ({"trust": ""}, "trust"),
        ({"trust": "  "}, "trust is blank: got no number"),
        ({"how": ""}, "how"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        picture(**changes)


def test_sub_words_are_checked_too() -> None:
    data = json.loads(to_json(with_tokens()))
    data["tokens"]["weights"]["layer 3, head 1"].pop()
    with pytest.raises(SpecError, match=r"tokens.weights\['layer 3, head 1'\]: got 9 rows"):
        from_json(json.dumps(data))
    data["tokens"]["weights"] = {}
    with pytest.raises(SpecError, match="got no head to show"):
        from_json(json.dumps(data))


def test_json_that_is_no_picture_is_refused() -> None:
    with pytest.raises(SpecError, match=r"page\.json: not JSON"):
        from_json("{", where="page.json")
    data = {**json.loads(to_json(picture())), "titel": "x"}
    with pytest.raises(SpecError, match='unknown key "titel"'):
        from_json(json.dumps(data))


def test_a_large_picture_stays_small() -> None:
    assert len(to_json(sized(512, 512)).encode()) < 2_500_000
