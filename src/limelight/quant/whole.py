"""Matrices as whole numbers: what a file keeps of them, and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Float16, Int8, UInt8
from torch import Tensor

from ..errors import WeightError
from .groups import GROUP
from .int8 import SCALE

Kind = Literal["int8", "int4"]
SHARES = ".shares"
DAMAGED = "The file is damaged: get it again."


@dataclass(frozen=True, eq=False)
class Whole:
    """A matrix (o m) in int8: a number a byte and a scale a row; or in int4: two a byte, the first of them low and each plus 8, a scale a
    row, and for each group of 32 its share of that."""

    kind: Kind
    kept: Int8[Tensor, "o m"] | UInt8[Tensor, "o half"]
    scale: Float[Tensor, " o"]
    shares: Float16[Tensor, "o g"] | None = None

    @property
    def numbers(self) -> Int8[Tensor, "o m"]:
        """The whole numbers: -127 to 127, in int4 -8 to 7."""
        if self.kind == "int8":
            return self.kept
        return (torch.stack((self.kept & 15, self.kept >> 4), 2).flatten(1).to(torch.int8)) - 8

    def weight(self) -> Float[Tensor, "o m"]:
        """What the numbers stand for, in fp32."""
        numbers = self.numbers.float()
        if self.shares is not None:
            numbers *= self.shares.float().repeat_interleave(GROUP, 1)[:, : numbers.shape[1]]
        return numbers * self.scale[:, None]


def halved(numbers: Int8[Tensor, "o m"]) -> UInt8[Tensor, "o half"]:
    """Two numbers of -8 to 7 a byte."""
    even = (numbers + 8).to(torch.uint8).unflatten(1, (-1, 2))
    return even[..., 0] | even[..., 1] << 4


def joined(parts: Sequence[Whole]) -> Whole:
    """Matrices of one kind and as many inputs, below one another."""
    shares = [each.shares for each in parts if each.shares is not None]
    kept, scale = (torch.cat([getattr(each, name) for each in parts]) for name in ("kept", "scale"))
    return Whole(parts[0].kind, kept, scale, torch.cat(shares) if shares else None)


def stored(state: dict[str, Tensor]) -> dict[str, Whole]:
    """The matrices of a file that are whole numbers. Raises WeightError where a scale is missing, or no number."""
    return {name: _read(name, tensor, state) for name, tensor in state.items() if tensor.dtype in (torch.int8, torch.uint8)}


def _read(name: str, tensor: Tensor, state: dict[str, Tensor]) -> Whole:
    scale, kind = state.get(name + SCALE), "int8" if tensor.dtype is torch.int8 else "int4"
    if tensor.ndim != 2 or scale is None or scale.shape != tensor.shape[:1] or not bool(scale.isfinite().all()):
        raise WeightError(f"{name} is {kind} and has no sound {name + SCALE}.", DAMAGED)
    if kind == "int8":
        return Whole("int8", tensor, scale.float())
    shares = state.get(name + SHARES)
    wanted = (len(tensor), -(-2 * tensor.shape[1] // GROUP))
    if shares is None or shares.dtype != torch.float16 or shares.shape != wanted or not bool(shares.isfinite().all()):
        raise WeightError(f"{name} is int4 and has no sound {name + SHARES}.", DAMAGED)
    return Whole("int4", tensor, scale.float(), shares)


def unpack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """All matrices of a file in fp32, and what else is in it. Raises as `stored` does."""
    whole = stored(state)
    of_whole = {name + tail for name, each in whole.items() for tail in ((SCALE,) if each.shares is None else (SCALE, SHARES))}
    return {name: whole[name].weight() if name in whole else tensor for name, tensor in state.items() if name not in of_whole}
