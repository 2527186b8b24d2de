"""A picture that was drawn of a text, and the words behind each of its patches."""

from __future__ import annotations

from typing import Any

from ...hub import Opened
from ...tasks.draw import Draw
from .squares import about, as_map

DIGITS = 4
HOW = "the average of all heads and layers that look at the text, shared out among its words"


def draw(opened: Opened, given: Any, seed: int = 0) -> dict[str, Any]:
    """See kinds. Raises InputError for a text that the model has no room for."""
    found = Draw(opened)(given, seeds=(seed,), words=True)
    (picture,) = found.pictures
    told, words = picture.patches, list[dict[str, Any]]()
    if told is not None:
        for word, weights, lost in zip(told.words, told.weights, told.lost, strict=True):
            words.append({"text": word, "map": as_map(weights), "lost": [round(each, DIGITS) for row in lost for each in row]})
    agreed = None if told is None else told.trust
    trust = "there are too few words and patches to tell" if agreed is None else (
        f"attention and what each patch's code loses without a word put words in one order with rank correlation {agreed:.2f} "
        "(1 is the same order, 0 is none)"
    )
    said = {"text": found.source, "seed": seed, "words": words, "over": [0, 0, 1, 1], "how": HOW, "trust": trust}
    return {**about(picture.image), "seconds": found.cost.seconds, **said}
