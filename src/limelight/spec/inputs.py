"""Inputs of a column, as data: what its first vectors are made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from ..errors import SpecError
from ..values import value
from .positions import Count

Natural = Annotated[int, Field(ge=0)]


@value
class Tokens:
    """Rows of a table of embeddings; `scaled` multiplies them by sqrt(dim) (Vaswani et al. 2017, section 3.4).

    `segments`: vectors that tell the parts of an input apart (Devlin et al. 2019, section 3). `width`: of the table where it is not
    the model's; linear maps go there and back (OPT-350m).
    """

    kind: Literal["tokens"] = "tokens"
    vocab: Count
    scaled: bool = False
    segments: Natural = 0
    width: Count | None = None


@value
class Patches:
    """Squares of a picture, each of its numbers mapped to a vector (Dosovitskiy et al. 2021, section 3.1, equation 1).

    `rows`, `columns`: of the picture, in pixels; `size`: the side of a square. `before`: learnt vectors ahead of the squares, such as the
    one that a class is read off (DeiT has a second; Touvron et al. 2021); `after`: behind them (YOLOS; Fang et al. 2021, section 3.1).
    """

    kind: Literal["patches"] = "patches"
    rows: Count
    columns: Count
    size: Count
    channels: Count = 3
    before: Natural = 1
    after: Natural = 0
    bias: bool = True

    def __post_init__(self) -> None:
        if self.rows < self.size or self.columns < self.size:
            raise SpecError(f"a picture holds a square at least: got {self.rows} x {self.columns} pixels, squares of {self.size}.",
                            "Use a smaller size.")

    @property
    def grid(self) -> tuple[int, int]:
        """How many rows and columns of squares there are; what is left at the edges is not seen."""
        return self.rows // self.size, self.columns // self.size

    @property
    def slots(self) -> int:
        """How many vectors there are in all."""
        rows, columns = self.grid
        return self.before + rows * columns + self.after


@value
class Frames:
    """Frames of sound, a logarithmic mel spectrum each, through two convolutions over three of them; the second takes every other one
    (Radford et al. 2022, section 2.2). `mels`: numbers of a frame; `length`: frames at most."""

    kind: Literal["frames"] = "frames"
    mels: Count
    length: Count

    @property
    def slots(self) -> int:
        """How many vectors there are at most."""
        return -(-self.length // 2)


@value
class Slots:
    """So many empty places, which only their positions tell apart (Carion et al. 2020, section 3.2: object queries)."""

    kind: Literal["slots"] = "slots"
    count: Count

    @property
    def slots(self) -> int:
        """How many vectors there are."""
        return self.count


def _kind(given: Any) -> str:
    """Which of them: folders that were written when there were only tokens do not say."""
    return given.get("kind", "tokens") if isinstance(given, dict) else getattr(given, "kind", "tokens")


Input = Annotated[
    Annotated[Tokens, Tag("tokens")]
    | Annotated[Patches, Tag("patches")]
    | Annotated[Frames, Tag("frames")]
    | Annotated[Slots, Tag("slots")],
    Discriminator(_kind),
]
