"""Heads: what is read off the last hidden states."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .positions import Positive
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

    `mix`: a map and this bend come before. `several`: classes are not exclusive, each has a probability of its own. `quantity`: what is
    scored is measured, not told apart, and the scores stand as they are (regression).
    """

    name: str = "classes"
    kind: Literal["classes"] = "classes"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    at: Literal["first", "last", "mean"] = "first"
    mix: Activation | None = None
    bias: bool = True
    several: bool = False
    quantity: bool = False

    def __post_init__(self) -> None:
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
    `depth`: maps there are, with relu between them; a sigmoid comes last."""

    name: str = "boxes"
    kind: Literal["boxes"] = "boxes"
    depth: Depth = 3


Head = Annotated[Words | Classes | Labels | Boxes, Field(discriminator="kind")]
