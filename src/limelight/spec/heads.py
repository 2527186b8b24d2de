"""Heads: what is read off the last hidden states."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .inputs import Natural
from .positions import Count, Positive
from .stack import Activation

Depth = Annotated[int, Field(ge=1, le=16)]
OBJECTS = "objects"                        # the name of the head of a model that finds objects: Labels whose last one is NOTHING
NOTHING = "no object"


@value
class Words:
    """Scores of every token of the vocabulary, at each place. `tied`: the table of embeddings serves as the output matrix.

    `scale` multiplies the hidden states first (T5: dim ** -0.5 where tied). `mix`: a map, this bend and a norm come before
    (BERT's masked language model).
    """

    name: str = "lm"
    kind: Literal["tokens"] = "tokens"
    tied: bool = True
    bias: bool = False
    scale: Positive = 1.0
    mix: Activation | None = None


@value
class Classes:
    """Scores of classes for a whole text, read at one place of it, or off the mean of all.

    `mix`: a map and this bend come before. `places`: it is read at so many from the first on, each with a map of its own, and the scores
    are averaged (Touvron et al. 2021, section 3: a place that learnt from labels, and one from a teacher). `several`: classes are not
    exclusive, each has a probability of its own. `quantity`: what is scored is measured, not told apart, and the scores stand as they are
    (regression).
    """

    name: str = "classes"
    kind: Literal["classes"] = "classes"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    at: Literal["first", "last", "mean"] = "first"
    mix: Activation | None = None
    bias: bool = True
    several: bool = False
    quantity: bool = False
    places: Depth = 1

    def __post_init__(self) -> None:
        if self.places > 1 and (self.at != "first" or self.mix is not None):
            odd = f'at="{self.at}"' if self.at != "first" else f'mix="{self.mix}"'
            raise SpecError(f"several places are read from the first on, each with one map: got places={self.places}, {odd}.",
                            'Use at="first" without mix, or places=1.')
        if self.several and self.quantity:
            raise SpecError("a quantity has no probability: got several=True and quantity=True.", "Set one of them.")


@value
class Labels:
    """Scores of labels at each place: names and terms in a text, where an answer starts and ends, or what is seen at a place that looks
    for an object, the last label being that nothing is (see OBJECTS). `depth`: maps there are, with relu between them."""

    name: str = "labels"
    kind: Literal["labels"] = "labels"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    bias: bool = True
    depth: Depth = 1


@value
class Boxes:
    """A box at each place: x and y of its centre, its width and height, as shares of the picture's (Carion et al. 2020, section 3.2).
    `depth`: maps there are, with relu between them; a sigmoid comes last. `near`: centres are counted from where a place of the grid
    stands that a picture is read in, so that each place looks for what is near to it (Zhu et al. 2021, appendix A.4)."""

    name: str = "boxes"
    kind: Literal["boxes"] = "boxes"
    depth: Depth = 3
    near: bool = False


@value
class Meeting:
    """A text's vector and a picture's in one space of `dim` numbers, where those that belong together lie near: scores are their cosines,
    times the exponential of a learnt number (Radford et al. 2021, section 2.3). A picture is read at its first place, a text at the first
    token `end`, or where there is none told, at that of the highest number."""

    name: str = "meeting"
    kind: Literal["meeting"] = "meeting"
    dim: Count
    end: Natural | None = None


Head = Annotated[Words | Classes | Labels | Boxes | Meeting, Field(discriminator="kind")]
