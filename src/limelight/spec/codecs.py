"""Codecs, as data: how a picture becomes a grid of tokens, and how tokens become a picture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .positions import Count, Positive

Stages = Annotated[tuple[Count, ...], Field(min_length=1, max_length=10)]
Few = Annotated[int, Field(ge=1, le=64)]         # what is made for each costs as much, before a file of numbers is compared


@value
class Codes:
    """What all codecs have. `count`: codes there are; `rows`, `columns`: of the picture, in pixels, of `channels` numbers each.

    `width`: channels next to the picture; `stages`: by how much there are more from stage to stage, away from it. Every stage but the last
    halves the grid: a picture has rows / 2^(stages - 1) of codes. `blocks`: of two or more convolutions, in each stage.
    """

    count: Count
    rows: Count
    columns: Count
    channels: Count = 3
    width: Count
    stages: Stages
    blocks: Few = 2

    def __post_init__(self) -> None:
        if self.rows % self.halved or self.columns % self.halved:
            raise SpecError(f"a picture is halved {len(self.stages) - 1} times: got {self.rows} x {self.columns} pixels.",
                            f"Use multiples of {self.halved}.")

    @property
    def halved(self) -> int:
        """How many pixels stand beside one another in one code."""
        return 2 ** (len(self.stages) - 1)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of codes."""
        return self.rows // self.halved, self.columns // self.halved

    @property
    def slots(self) -> int:
        """How many codes a picture has."""
        return self.grid[0] * self.grid[1]

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage, from the picture on."""
        return tuple(self.width * each for each in self.stages)


@value
class DiscreteVAE(Codes):
    """A picture's codes are drawn, each by chances of its own (Ramesh et al. 2021, section 2.1 and appendix A).

    `narrow`: channels that the decoder begins with. `edge`: pixels are kept so far from 0 and 1, where their density has no end
    (appendix A.3).
    """

    kind: Literal["discrete_vae"] = "discrete_vae"
    width: Count = 256
    stages: Stages = (1, 2, 4, 8)
    narrow: Count = 128
    edge: Annotated[float, Field(gt=0, lt=0.5)] = 0.1

    def __post_init__(self) -> None:
        Codes.__post_init__(self)
        if any(width % 4 for width in self.widths):
            raise SpecError(f"a block's inner convolutions have a quarter of its channels: got width={self.width}.", "Use a multiple of 4.")


@value
class Quantised(Codes):
    """A picture's vectors are each replaced by the nearest of a table (Esser et al. 2021, section 3.1: VQGAN).

    `dim`: of those vectors; `groups`: of channels that are normed together; `looks`: stages whose places look at one another, counted
    from the picture, the last being the one of the codes. `commitment`: what vectors pay for standing far from the table's (equation 4).
    `signed`: pixels run from -1 to 1 inside, as in the paper, rather than from 0. `reads`: whether there is an encoder: some are published
    without.
    """

    kind: Literal["quantised"] = "quantised"
    width: Count = 128
    stages: Stages = (1, 1, 2, 2, 4)
    dim: Count = 256
    groups: Count = 32
    looks: tuple[Annotated[int, Field(ge=0)], ...] = ()
    commitment: Positive = 0.25
    eps: Positive = 1e-6
    signed: bool = True
    reads: bool = True

    def __post_init__(self) -> None:
        Codes.__post_init__(self)
        if any(width % self.groups for width in self.widths):
            raise SpecError(f"groups of channels are equal: got {self.groups} in stages of {self.widths}.", "Use one that divides all.")
        if self.looks and max(self.looks) >= len(self.stages):
            raise SpecError(f"looks names stages: got {self.looks}, and there are {len(self.stages)}.", "Count from 0.")


Codec = Annotated[DiscreteVAE | Quantised, Field(discriminator="kind")]
