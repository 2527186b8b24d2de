"""A picture with the boxes that were found in it, and for each where the place that found it looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...hub import Opened
from ...inputs.pictures import Picture, read, seen
from ...tasks.detect import Detect, Found, Looked
from .squares import about, as_map, as_shares

LEAST, MOST = 0.1, 100                   # how likely an object must be to be told of at all; boxes at most, the likeliest
LIKELY = 0.5                             # which ones are drawn at first
HOW = "the average of all heads of the last layer"


def detect(opened: Opened, given: Any, seed: int = 0) -> dict[str, Any]:
    """See kinds. Raises InputError for what is no picture."""
    del seed
    picture = read(given)
    found = Detect(opened)(picture, threshold=LEAST, look=True)
    boxes = [_box(one, picture, opened) for one in found.found[:MOST]]
    told = {"boxes": boxes, "least": LEAST, "likely": LIKELY, "how": HOW, "trust": _trusted(boxes)}
    return {**about(picture.image), "seconds": found.cost.seconds, **told}


def _box(one: Found, picture: Picture, opened: Opened) -> dict[str, Any]:
    left, top, right, bottom = edges = as_shares(one.box, picture.size)
    told = {"text": one.label, "score": one.score, "box": edges, "even": (right - left) * (bottom - top)}
    if one.looked is None:
        return told
    return {**told, "inside": one.looked.trust, "map": as_map(one.looked.grid), "over": _over(one.looked, picture, opened)}


def _over(looked: Looked, picture: Picture, opened: Opened) -> list[float]:
    """Where on the picture the grid lies: it begins where what the model sees does."""
    left, top, right, bottom = seen(picture.size, opened.pictures)
    down, across = looked.reach
    return as_shares((left, top, left + across * (right - left), top + down * (bottom - top)), picture.size)


def _trusted(boxes: Sequence[dict[str, Any]]) -> str:
    sure = [each for each in boxes if each["score"] >= LIKELY and "inside" in each]
    if not sure:
        return f"no object is held for more than {LIKELY:.0%} likely: there is nothing to measure"
    inside, even = (sum(each[name] for each in sure) / len(sure) for name in ("inside", "even"))
    return (
        f"{inside:.0%} of what the places of {len(sure)} likely object{'s' * (len(sure) != 1)} looked at lies within their boxes; "
        f"who looked everywhere alike would have {even:.0%} there (means)"
    )
