"""int8 weights: each row of a matrix as whole numbers from -127 to 127 and one scale (Jacob et al. 2018, section 2.1)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int8
from torch import Tensor

from ..errors import WeightError

SCALE = ".scale"


def pack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Matrices become int8 with a `NAME.scale` of one fp32 number a row; vectors stay fp32.

    Raises WeightError for a matrix with numbers that are not finite, or a tensor that has the name of a scale.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if tensor.ndim == 2 and tensor.is_floating_point():
            if not bool(tensor.isfinite().all()):
                raise WeightError(f"{name} has numbers that are not finite.", "The training went wrong: save an earlier checkpoint.")
            if name + SCALE in state:
                raise WeightError(f"{name + SCALE} is the name of a scale, and there is a tensor of that name.", "Rename it.")
            out[name], out[name + SCALE] = quantise(tensor.float())
        else:
            out[name] = tensor.float() if tensor.is_floating_point() else tensor
    return out


def quantise(x: Float[Tensor, "r c"]) -> tuple[Int8[Tensor, "r c"], Float[Tensor, " r"]]:
    """Rows -> whole numbers and scales. The scale that leaves the least squared error of a few is taken, not the plainest."""
    most = x.abs().amax(1).clamp(min=1e-12)
    best = torch.full_like(most, torch.inf)
    scale = most / 127
    for share in (1.0, 0.95, 0.9, 0.85, 0.8):
        tried = most * share / 127
        error = ((x / tried[:, None]).round().clamp(-127, 127) * tried[:, None] - x).square().sum(1)
        scale = torch.where(error < best, tried, scale)
        best = torch.minimum(best, error)
    return (x / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale
