"""Packing: numbers as few letters of JSON."""

from __future__ import annotations

import base64
import math
import zlib

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

SHOWN = 8                                # numbers of a vector that are told
TINY = 1e-12


def bytes_of(weights: Float[Tensor, "..."], most: float) -> UInt8[Tensor, "..."]:
    """Weights as whole numbers up to 255, which `most` stands for."""
    return (weights / max(most, TINY) * 255).round().clamp(0, 255).to(torch.uint8)


def packed(weights: Float[Tensor, "..."], most: float) -> str:
    """The same in base64."""
    return base64.b64encode(bytes_of(weights, most).cpu().contiguous().numpy().tobytes()).decode()


def deflated(data: bytes) -> bytes:
    """As a browser's DecompressionStream("deflate-raw") reads it."""
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(data) + made.flush()


def told(vector: Float[Tensor, " n"]) -> dict[str, object]:
    """The first numbers of a vector, and its length."""
    return {"numbers": [number(each) for each in vector[:SHOWN].tolist()], "norm": number(float(vector.norm()))}


def number(value: float) -> float:
    """A finite number; what is not finite has no place in JSON."""
    return value if math.isfinite(value) else 0.0
