"""Raw material, as data: how pictures and sound are made ready for a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .positions import Count, Positive

Filter = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Number = Annotated[float, Field(allow_inf_nan=False)]


@value
class Pictures:
    """How a picture becomes numbers: resized, cut out of its middle, scaled, normed; each step where its fields are set.

    `size`: rows and columns that it is stretched to. `shorter`: pixels that its shorter side gets, and with it the other, of which there
    are at most `longest`; sides are then shortened to a multiple of `multiple`, but not to nothing. `crop`: rows and columns out of the
    middle, with black around where there are fewer. `scale`: what a byte is multiplied by; then `mean` is taken off, and `std` divides,
    channel by channel.
    """

    size: tuple[Count, Count] | None = None
    shorter: Count | None = None
    longest: Count | None = None
    multiple: Count = 1
    filter: Filter = "bilinear"
    crop: tuple[Count, Count] | None = None
    scale: Positive = 1 / 255
    mean: tuple[Number, ...] = ()
    std: tuple[Positive, ...] = ()

    def __post_init__(self) -> None:
        if self.size is not None and (self.shorter is not None or self.longest is not None):
            raise SpecError("a picture is stretched to a size, or keeps its shape: got size, and shorter or longest.", "Give one of them.")
        if self.size is not None and self.multiple > 1:
            raise SpecError(f"sides that are given are not shortened: got size={self.size}, multiple={self.multiple}.", "Drop multiple.")
        if len(self.mean) != len(self.std):
            raise SpecError(f"mean and std are for each channel: got {len(self.mean)} and {len(self.std)}.", "Give as many of both.")

    @property
    def shape(self) -> tuple[int, int] | None:
        """Rows and columns of what comes out; None where they are each picture's own."""
        return self.crop or self.size


@value
class Sounds:
    """How sound becomes frames: mixed to one channel at `rate` samples a second, cut into stretches of `seconds`, each a logarithmic mel
    spectrum of `mels` numbers every `hop` samples, over `window` of them (Radford et al. 2022, section 2.2)."""

    rate: Count = 16_000
    seconds: Count = 30
    window: Count = 400
    hop: Count = 160
    mels: Count = 80

    @property
    def frames(self) -> int:
        """How many a stretch has."""
        return self.rate * self.seconds // self.hop
