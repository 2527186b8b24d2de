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
    size = grouped.abs()
    far = grouped.gather(2, size.argmax(2, keepdim=True))[..., 0] / -8
    best, error = torch.zeros_like(far), torch.full_like(far, torch.inf)
    for start in (far, size.amax(2) / 7):
        for share in TRIED:
            scale = _refit(grouped, start * share)
            left = (_whole(grouped, scale) * scale[..., None] - grouped).square().sum(2)
            best = torch.where(left < error, scale, best)
            error = torch.minimum(left, error)
    row = best.abs().amax(1).clamp(min=1e-30)
    shares = (best / row[:, None]).half()
    whole = _whole(grouped, shares.float() * row[:, None])
    return whole.flatten(1)[:, : x.shape[1]].to(torch.int8), shares, row


def _whole(x: Tensor, scale: Tensor) -> Tensor:
    """Nearest whole numbers from -8 to 7; zero where there is no scale."""
    return torch.where(scale[..., None] == 0, 0.0, (x / torch.where(scale == 0, 1.0, scale)[..., None]).round().clamp(-8, 7))


def _refit(x: Tensor, scale: Tensor) -> Tensor:
    """The scale that suits the whole numbers of a first scale best."""
    whole = _whole(x, scale)
    return (x * whole).sum(2) / whole.square().sum(2).clamp(min=1)
