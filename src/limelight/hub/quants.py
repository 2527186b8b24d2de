"""What products are computed in, where that is less than the numbers of a model."""

from __future__ import annotations

import torch

from ..errors import DeviceError, did_you_mean
from ..native import built
from ..native.matrix import Kind

QUANTS: dict[str, Kind | None] = {"auto": None, "none": None, "int8": "int8", "int4": "int4"}


def pick_kind(name: str, device: torch.device) -> Kind | None:
    """The kind of products by its name; None where they are as exact as the numbers. Raises DeviceError for an unknown name, and where
    this machine has no kernels for it."""
    if name not in QUANTS:
        raise DeviceError(f'no quant "{name}".', did_you_mean(name, QUANTS))
    kind = QUANTS[name]
    if kind is None:
        return None
    if device.type != "cpu":
        raise DeviceError(f"products in {kind} are for a CPU: got {device}.", "Use quant none there, and dtype bf16.")
    if built().library is None:
        raise DeviceError(f"products in {kind} need native kernels, and there are none: {built().why}", "Use quant none.")
    return kind
