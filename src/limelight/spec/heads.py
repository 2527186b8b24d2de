"""Heads: what is read off the last hidden states."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .positions import Positive
from .stack import Activation


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
    """Scores of labels at each place: names and terms in a text, or where an answer starts and ends."""

    name: str = "labels"
    kind: Literal["labels"] = "labels"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    bias: bool = True


Head = Annotated[Words | Classes | Labels, Field(discriminator="kind")]
