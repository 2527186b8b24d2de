"""Parts that the recipes of models of pictures have in common: where pictures come from, and what reads them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...spec import Attention, FeedForward, Learned, Patches, Pictures, Stack
from ...values import value
from ..plan import Count, Factor, Natural

HALF = (0.5, 0.5, 0.5)


@value
class ScenesPart:
    """Scenes that are made by rule: see data.scenes. `side`: of a picture, in pixels; `epoch`: how many there are in one, all new ones;
    `held`: how many kinds of things (a size, a colour and a shape) are in no scene to learn from; half of the `valid` and of the `test`
    scenes have one of them. `plain`: epochs in which scenes are told of in the first words of each choice: what is meant is learnt first,
    and then the ways to say it."""

    kind: Literal["scenes"] = "scenes"
    side: Annotated[int, Field(ge=16, le=512)] = 64
    epoch: Count = 20_000
    held: Annotated[int, Field(ge=1, le=12)] = 8
    valid: Count = 200
    test: Count = 1000
    plain: Natural = 0
    seed: Natural = 0


@value
class ListedPart:
    """Pictures that a table (TSV, CSV, JSONL, Parquet) lists, with a text or several each. `path`: of the table, see `find_data`; `folder`:
    of the pictures, from the table's; `file`, `texts`: its columns; `split`: what stands between the texts of one cell, None for one text.
    `side`: pixels that pictures are resized to. `valid`, `test`: pictures set aside, drawn by `seed`."""

    kind: Literal["listed"] = "listed"
    path: str
    folder: str = "."
    file: str = "file"
    texts: Annotated[tuple[str, ...], Field(min_length=1)] = ("text",)
    split: str | None = None
    side: Annotated[int, Field(ge=16, le=512)] = 64
    valid: Natural = 100
    test: Natural = 200
    seed: Natural = 0


@value
class SquaresPart:
    """The size of what reads pictures; what each field means is said at `limelight.spec`. `square`: the side of one, in pixels; `between`:
    each layer is told anew where a square is, so that the last still knows."""

    square: Count = 8
    depth: Count = 4
    heads: Count = 4
    hidden: Count = 512
    between: bool = False

    def stack(self, side: int, *, dropout: float) -> Stack:
        """The encoder, for pictures of `side` x `side` pixels."""
        squares = Patches(rows=side, columns=side, size=self.square, before=0)
        return Stack(
            depth=self.depth,
            attention=Attention(heads=self.heads),
            ff=FeedForward(hidden=self.hidden, activation="gelu", dropout=dropout),
            input=squares,
            position=Learned(length=squares.slots),
            between=self.between,
            dropout=dropout,
        )


def pictures(side: int) -> Pictures:
    """How pictures of this side are made ready."""
    return Pictures(size=(side, side), filter="bilinear", mean=HALF, std=HALF)


ShownPart = Annotated[ScenesPart | ListedPart, Field(discriminator="kind")]
Dropout = Factor
