"""Inputs of a column, as data: what its first vectors are made of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from ..errors import SpecError
from ..values import value
from .positions import Count

Natural = Annotated[int, Field(ge=0)]
MOST_BLOCKS = 1_000


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
    `stretched`: pictures of other sizes are read too, with learnt positions that are stretched to their squares (bicubic interpolation).
    """

    kind: Literal["patches"] = "patches"
    rows: Count
    columns: Count
    size: Count
    channels: Count = 3
    before: Natural = 1
    after: Natural = 0
    bias: bool = True
    stretched: bool = False

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
        return self.places(self.rows, self.columns)

    def places(self, rows: int, columns: int) -> int:
        """How many there are of a picture of another size."""
        return self.before + (rows // self.size) * (columns // self.size) + self.after


@value
class Features:
    """What a residual network makes of a picture (He et al. 2016, section 3.3), a place of its last grid a vector: the input of Carion et
    al. 2020, section 3.2. Pictures may have any size; norms are frozen: they scale and shift, and learn nothing.

    `stem`: channels after the first convolution. `widths`, `depths`: channels and blocks of each stage; every stage but the first halves
    the grid. `block`: "bottleneck" (1 x 1, 3 x 3, 1 x 1 with a quarter of the channels) or "basic" (two of 3 x 3). `dilated`: the last
    stage does not halve, and its filters stand two apart (DC5; Carion et al. 2020, section 4).
    """

    kind: Literal["features"] = "features"
    channels: Count = 3
    stem: Count = 64
    widths: Annotated[tuple[Count, ...], Field(min_length=1, max_length=8)] = (256, 512, 1024, 2048)
    depths: Annotated[tuple[Count, ...], Field(min_length=1, max_length=8)] = (3, 4, 6, 3)
    block: Literal["bottleneck", "basic"] = "bottleneck"
    dilated: bool = False

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.depths):
            raise SpecError(f"each stage has a width and a depth: got {len(self.widths)} and {len(self.depths)}.", "Give as many of both.")
        if sum(self.depths) > MOST_BLOCKS:
            raise SpecError(f"a residual network here has at most {MOST_BLOCKS:,} blocks: got {sum(self.depths):,}.", "Use fewer.")
        if self.block == "bottleneck" and min(self.widths) < 4:
            raise SpecError(f"a bottleneck has a quarter of its stage's channels: got widths={self.widths}.", "Use widths of at least 4.")
        if self.dilated and (len(self.depths) == 1 or self.block == "basic"):
            raise SpecError(f"what is dilated is a later stage of bottlenecks: got {len(self.depths)} stages, block={self.block}.",
                            "Drop dilated.")

    @property
    def halvings(self) -> int:
        """How often the grid is halved: by the stem, by its pooling, by every stage but the first."""
        return 1 + len(self.depths) - self.dilated

    def grid(self, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns of places of a picture of this size."""
        return -(-rows // 2**self.halvings), -(-columns // 2**self.halvings)


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
    | Annotated[Features, Tag("features")]
    | Annotated[Frames, Tag("frames")]
    | Annotated[Slots, Tag("slots")],
    Discriminator(_kind),
]
