"""int4 weights: each 32 numbers of a row as whole numbers from -8 to 7 and one scale, a share of the row's own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Float16, Int8
from torch import Tensor

GROUP = 32
TRIED = (1.0, 0.95, 0.9, 0.85, 0.8)      # of the scale that just holds the largest number


def quantise_groups(x: Float[Tensor, "r c"]) -> tuple[Int8[Tensor, "r c"], Float16[Tensor, "r g"], Float[Tensor, " r"]]:
    """Rows -> whole numbers, shares and scales: x is near whole * share * scale. Of a few scales the one of least squared error is taken.

    The largest number of a group may be put at -8, the end that reaches further: then the scale has the other sign.
    """
    grouped = F.pad(x, (0, -x.shape[1] % GROUP)).unflatten(1, (-1, GROUP))
    far = grouped.gather(2, grouped.abs().argmax(2, keepdim=True))[..., 0]
    best, most = torch.zeros_like(far), torch.zeros_like(far)
    for start in (far / -8, far / 7):
        for share in TRIED:
            whole = _whole(grouped, start * share)
            along, size = (grouped * whole).sum(2), whole.square().sum(2).clamp(min=1)
            gain = along.square() / size                            # what the scale along / size takes off the squared error
            best = torch.where(gain > most, along / size, best)
            most = torch.maximum(gain, most)
    row = best.abs().amax(1).clamp(min=1e-30)
    shares = (best / row[:, None]).half()
    whole = _whole(grouped, shares.float() * row[:, None])
    return whole.flatten(1)[:, : x.shape[1]].to(torch.int8), shares, row


def _whole(x: Tensor, scale: Tensor) -> Tensor:
    """Nearest whole numbers from -8 to 7; zero where there is no scale."""
    return (x * torch.where(scale == 0, 0.0, 1 / scale)[..., None]).round().clamp(-8, 7)
