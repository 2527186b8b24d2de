"""A picture with the words of its caption, and for each the squares that the model looked at."""

from __future__ import annotations

from typing import Any

from ...hub import Opened
from ...inputs.pictures import read
from ...spec import Patches
from ...tasks.caption import Caption, Captioned
from ...tasks.caption.drawing import place
from .squares import about, as_map, as_shares

UNSEEN = "This model does not read a picture square by square: where it looked is not known."


def caption(opened: Opened, given: Any, seed: int = 0) -> dict[str, Any]:
    """See kinds. Raises InputError for what is no picture."""
    del seed
    picture, spec = read(given), opened.manifest.spec
    squares = None if spec.encoder is None else spec.encoder.input
    by_squares = isinstance(squares, Patches)
    found: Captioned = Caption(opened)(picture, look=by_squares)
    over = as_shares(place(picture, opened.pictures, squares), picture.size) if isinstance(squares, Patches) else [0, 0, 1, 1]
    words = [
        {"text": each.word, "elsewhere": each.elsewhere, "fall": each.fall, "chance": each.chance, "map": as_map(each.map)}
        for each in found.words
    ]
    trust = UNSEEN if not by_squares else found.trust or "no words were written: there is nothing to measure"
    told = {"text": found.text, "words": words, "over": over, "how": found.how, "trust": trust}
    return {**about(picture.image), "seconds": found.cost.seconds, **told}
