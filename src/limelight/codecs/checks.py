"""What every codec refuses alike."""

from __future__ import annotations

from torch import Tensor

from ..errors import InputError
from ..spec import Codec


def check_pictures(s: Codec, pictures: Tensor) -> None:
    """Raises InputError for another size than the codec's."""
    if pictures.shape[1:] != (s.channels, s.rows, s.columns):
        have = " x ".join(map(str, pictures.shape[1:]))
        raise InputError(f"the codec reads pictures of {s.channels} x {s.rows} x {s.columns}: got {have}.", "Resize it first.")


def check_codes(s: Codec, codes: Tensor) -> None:
    """Raises InputError for codes that make no picture."""
    if codes.ndim != 2 or codes.shape[1] != s.slots:
        raise InputError(f"a picture has {s.slots} codes, {s.grid[0]} rows of {s.grid[1]}: got {list(codes.shape)}.", "Give all of them.")
    low, high = (int(each) for each in codes.aminmax()) if codes.numel() else (0, 0)
    if low < 0 or high >= s.count:
        raise InputError(f"codes are 0 to {s.count - 1}: got {low if low < 0 else high}.", "Are they another codec's, or words?")
