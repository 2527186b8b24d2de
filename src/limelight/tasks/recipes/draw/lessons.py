"""Lessons of drawing: pictures alone for the codec, and texts with the codes of their pictures for the Transformer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ....codecs import Codec
from ....data.shown import Example, Filed, drawn_text
from ....errors import RecipeError
from ....inputs import Batch, Text
from ....inputs.pictures import Picture, ready
from ....manifest import Drawing
from ....spec import Pictures
from ....spec.codecs import Codes


def as_read(s: Codes) -> Pictures:
    """How a codec's pictures are made ready: to its size, in numbers from 0 to 1."""
    return Pictures(size=(s.rows, s.columns), filter="bilinear")


@dataclass(frozen=True)
class Seen:
    """Makes examples into what a codec learns from, as they are: texts say left and right, so nothing is turned round."""

    codec: Codes

    def __call__(self, examples: Sequence[Example], random: np.random.Generator) -> Batch:
        """(b 3 rows columns), from 0 to 1."""
        del random
        return ready([each.picture() for each in examples], as_read(self.codec))


@torch.no_grad()
def codes_of(codec: Codec, pictures: Sequence[Picture]) -> Int[Tensor, "b n"]:
    """The codes of pictures, on the codec's device."""
    return codec.encode(ready(pictures, as_read(codec.spec)).values.to(next(codec.parameters()).device))


@dataclass(frozen=True, eq=False)
class Drawable:
    """Makes examples into rows of a text, filled up to `room` positions, and the codes of its picture, by a codec that has learnt. One of
    the texts of each, or several at once (see `drawn_text`), or its first where those have no room; a `blank` share has none."""

    text: Text
    drawing: Drawing
    room: int
    codec: Codec
    blank: float

    def __call__(self, examples: Sequence[Example], random: np.random.Generator) -> Batch:
        """(b room + codes), tokens of the model."""
        codes = codes_of(self.codec, [each.picture() for each in examples]).cpu() + self.drawing.first
        said = torch.tensor([self.drawing.caption(self._said(each, random), self.room) for each in examples])
        return Batch(torch.cat((said, codes), 1))

    def _said(self, example: Example, random: np.random.Generator) -> Sequence[int]:
        if random.random() < self.blank:
            return self.text.encode("").ids
        ids = self.text.encode(drawn_text(example, random)).ids
        return ids if len(ids) < self.room else self.text.encode(example.texts[0]).ids


def check_room(text: Text, room: int, examples: Iterable[Example]) -> None:
    """Raises RecipeError for a file whose first text is longer than a model has room for, before anything is learnt. What is said of scenes
    is not gone through: there is no end of them."""
    for each in examples:
        if isinstance(each, Filed) and (count := len(text.encode(each.texts[0]).ids)) >= room:
            long = f"what is said of {each.name} has {count} tokens; there is room for {room - 1}."
            raise RecipeError(long, f"Set model.text={count + 1}.")
