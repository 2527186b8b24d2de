"""What products are computed in, where that is less than the numbers of a model."""

from __future__ import annotations

import torch

from ..errors import DeviceError, did_you_mean
from ..native import library
from ..native.matrix import Kind

QUANTS: dict[str, Kind | None] = {"auto": None, "none": None, "int8": "int8", "int4": "int4"}
FAST: Kind = "int8"                      # costs nothing that shows on any bundled model: docs/benchmarks.md, "Quality"


def pick_kind(name: str, device: torch.device, *, dtype: str = "auto", stored: Kind | None = None) -> Kind | None:
    """The kind of products by its name; None where they are as exact as the numbers.

    "auto" takes the fastest kind without a loss that was measured, or the kind that a folder is `stored` in, but leaves a number format
    that was asked for by name (`dtype`) to be what it says. A kind that is asked for by name is served without native kernels too, by
    plain products that round as those do and are no faster than exact ones. Raises DeviceError for an unknown name, and on a GPU.
    """
    if name not in QUANTS:
        raise DeviceError(f'no quant "{name}".', did_you_mean(name, QUANTS))
    if name == "auto":
        return fastest(device, stored) if dtype == "auto" else None
    kind = QUANTS[name]
    if kind is None:
        return None
    if device.type != "cpu":
        raise DeviceError(f"products in {kind} are for a CPU: got {device}.", "Use quant none there, and dtype bf16.")
    return kind


def fastest(device: torch.device, stored: Kind | None = None) -> Kind | None:
    """What "auto" takes on a device: the kind that a folder is `stored` in, or int8, where native kernels multiply it; else None: nothing
    is faster than the numbers themselves."""
    return (stored or FAST) if device.type == "cpu" and library() is not None else None
