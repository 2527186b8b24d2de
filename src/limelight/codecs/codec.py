"""Codec: what can be asked of any of them, and what they refuse alike."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from ..errors import InputError
from ..spec import Codec as CodecSpec


@runtime_checkable
class Codec(Protocol):
    """Pictures are (b c h w), numbers from 0 (black) to 1; codes (b n), row by row."""

    spec: CodecSpec

    def encode(self, pictures: Float[Tensor, "b c h w"]) -> Int[Tensor, "b n"]:
        """The likeliest codes. Raises InputError for pictures of another size, TaskError for a codec that only draws."""
        ...

    def decode(self, codes: Int[Tensor, "b n"]) -> Float[Tensor, "b c h w"]:
        """The picture of them. Raises InputError for another number of codes than a picture has, and for codes that there are not."""
        ...


def check_pictures(s: CodecSpec, pictures: Tensor) -> None:
    """Raises InputError for another size than the codec's."""
    if pictures.shape[1:] != (s.channels, s.rows, s.columns):
        have = " x ".join(map(str, pictures.shape[1:]))
        raise InputError(f"the codec reads pictures of {s.channels} x {s.rows} x {s.columns}: got {have}.", "Resize it first.")


def check_codes(s: CodecSpec, codes: Tensor) -> None:
    """Raises InputError for codes that make no picture."""
    if codes.ndim != 2 or codes.shape[1] != s.slots:
        raise InputError(f"a picture has {s.slots} codes, {s.grid[0]} rows of {s.grid[1]}: got {list(codes.shape)}.", "Give all of them.")
    low, high = (int(each) for each in codes.aminmax()) if codes.numel() else (0, 0)
    if low < 0 or high >= s.count:
        raise InputError(f"codes are 0 to {s.count - 1}: got {low if low < 0 else high}.", "Are they another codec's, or words?")
