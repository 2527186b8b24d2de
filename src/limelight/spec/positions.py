"""Positions: how a token learns where it stands."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@value
class Learned:
    """A trained vector for each position (Gehring et al. 2017). `offset`: rows skipped at the start (BART: 2)."""

    kind: Literal["learned"] = "learned"
    length: Count
    offset: Annotated[int, Field(ge=0)] = 0


@value
class Sinusoid:
    """Fixed sines and cosines (Vaswani et al. 2017, section 3.5).

    `halves`: [sin | cos] rather than interleaved. `shifted`: tensor2tensor's denominator, half - 1 rather than half.
    `offset`: rows skipped at the start (M2M100: 2).
    """

    kind: Literal["sinusoid"] = "sinusoid"
    length: Count
    offset: Annotated[int, Field(ge=0)] = 0
    halves: bool = False
    shifted: bool = False


@value
class Interpolated:
    """Every angle divided by `factor`, so that longer texts fit between the positions that were trained (Chen et al. 2023)."""

    kind: Literal["interpolated"] = "interpolated"
    factor: Positive


@value
class ByWavelength:
    """Slow angles divided by `factor`, fast ones left, a slope between (Llama 3.1: Dubey et al. 2024, and its published code).

    Slow are those that turn fewer than `low` times in `length` positions, fast those that turn more than `high` times.
    """

    kind: Literal["by_wavelength"] = "by_wavelength"
    factor: Positive
    low: Positive
    high: Positive
    length: Count

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise SpecError(f"by_wavelength: low={self.low} must be less than high={self.high}.", "Llama 3.1 has low=1, high=4.")


@value
class Yarn:
    """The same with a slope over channels, and scores made sharper by `magnitude` on queries and keys (Peng et al. 2023, 3.2 to 3.4).

    `magnitude` None is the paper's 0.1 ln(factor) + 1. `whole`: the ends of the slope are rounded outwards to whole channels.
    """

    kind: Literal["yarn"] = "yarn"
    factor: Positive
    length: Count
    fast: Positive = 32.0
    slow: Positive = 1.0
    magnitude: Positive | None = None
    whole: bool = True


@value
class Dynamic:
    """A base that grows with a text, from where it is longer than the `length` that was trained (bloc97 and emozilla 2023, dynamic NTK;
    Peng et al. 2023, sections 3.1 and 3.3). Shorter texts are turned as if there were no stretch."""

    kind: Literal["dynamic"] = "dynamic"
    factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    length: Count


@value
class LongRope:
    """Each pair of channels has its own divisor: `short` for texts of up to `length` positions, `long` beyond (Ding et al. 2024).

    `magnitude`: by how much queries and keys grow.
    """

    kind: Literal["long_rope"] = "long_rope"
    short: Annotated[tuple[Positive, ...], Field(min_length=1)]
    long: Annotated[tuple[Positive, ...], Field(min_length=1)]
    length: Count
    magnitude: Positive = 1.0

    def __post_init__(self) -> None:
        if len(self.short) != len(self.long):
            raise SpecError(f"long_rope: {len(self.short)} divisors in short, {len(self.long)} in long.", "Give one a pair of channels.")


Stretch = Annotated[Interpolated | ByWavelength | Yarn | Dynamic | LongRope, Field(discriminator="kind")]


@value
class Rotary:
    """Queries and keys turned by an angle that grows with position (Su et al. 2021, equation 34).

    `pairs`: turn channels (0, 1), (2, 3) ... as in the paper, rather than (0, d/2), (1, d/2 + 1) ...
    `stretch`: how a model reads texts longer than those that it was first trained on.
    """

    kind: Literal["rotary"] = "rotary"
    base: Positive = 10_000.0
    pairs: bool = False
    length: Count | None = None
    stretch: Stretch | None = None

    def check_width(self, width: int) -> None:
        """Raises SpecError for heads of a width that cannot be turned so."""
        if width % 2:
            raise SpecError(f"rotary positions turn pairs of channels; a head has {width}, an odd number.", "Use an even head_dim.")
        if isinstance(self.stretch, Dynamic) and width < 4:
            raise SpecError(f"a dynamic stretch needs heads of at least 4 channels: got {width}.", "Use a larger head_dim.")
        if isinstance(self.stretch, LongRope) and len(self.stretch.short) != width // 2:
            raise SpecError(f"long_rope has {len(self.stretch.short)} divisors; a head has {width // 2} pairs.", "Give one a pair.")


@value
class Alibi:
    """A penalty that grows with distance, one slope a head (Press et al. 2022, section 3)."""

    kind: Literal["alibi"] = "alibi"


@value
class Buckets:
    """A learned bias a bucket of relative distance, shared by all layers (T5: Raffel et al. 2020, section 2.1)."""

    kind: Literal["buckets"] = "buckets"
    count: Count = 32
    furthest: Count = 128

    def __post_init__(self) -> None:
        if self.count < 4 or self.count % 4:
            raise SpecError(f"buckets: count={self.count} must be a multiple of 4, at least 4", "T5 uses count=32.")
        if self.furthest <= self.count // 2:
            raise SpecError(
                f"buckets: furthest={self.furthest} must be more than count / 2 = {self.count // 2}", "T5 uses furthest=128."
            )


@value
class Grid:
    """Fixed sines and cosines of a place's row, and of its column, half of the channels each (Carion et al. 2020, appendix A.4; Parmar et
    al. 2018, section 3.3). `scale`: what the rows and columns of a whole picture count up to, whatever its size; None counts them as
    they are, from 1 on."""

    kind: Literal["grid"] = "grid"
    temperature: Positive = 10_000.0
    scale: Positive | None = 2 * math.pi


@value
class Captioned:
    """A trained vector for each position of a text, and behind the text a grid, row by row, each of whose places has the vector of its row
    plus that of its column (Ramesh et al. 2021, appendix B.1). `text`: how many positions the text always takes."""

    kind: Literal["captioned"] = "captioned"
    text: Count
    rows: Count
    columns: Count

    @property
    def length(self) -> int:
        """How many positions there are in all."""
        return self.text + self.rows * self.columns


Position = Annotated[Learned | Sinusoid | Rotary | Alibi | Buckets | Grid | Captioned, Field(discriminator="kind")]
