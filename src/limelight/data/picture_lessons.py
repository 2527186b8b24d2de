"""Lessons of pictures: what is seen, beside the tokens that should be said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..inputs import Text, pad
from ..inputs.pairs import Pairs
from ..inputs.pictures import ready
from ..spec import Pictures
from .shown import Example, drawn_text


@dataclass(frozen=True)
class PictureLessons:
    """Makes pictures with texts into a lesson, with one of its texts for each, or several at once: see `drawn_text`."""

    text: Text
    pictures: Pictures

    def __call__(self, examples: Sequence[Example], random: np.random.Generator) -> Pairs:
        """Pictures as sources, and what is said of them as targets, with the end mark."""
        said = self.text.encode_all([drawn_text(each, random) for each in examples])
        return Pairs(ready([each.picture() for each in examples], self.pictures), pad([each.ids for each in said], filler=self.text.pad))
