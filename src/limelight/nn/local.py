"""Where a query of local attention looks: at its own step, or where it says (Luong et al. 2015, section 3.2)."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import ops
from ..spec import Local, Predicted
from .packed import Linear


class Centres(nn.Module):
    """The middle of each query's window: min(t, S - 1), or (S - 1) * sigmoid(v . tanh(W x)) (equation 9), of S real keys in a row.

    Steps and keys count from 0, padding on either side left out: the last place that a query can predict is the last key.
    """

    def __init__(self, s: Local, dim: int):
        super().__init__()
        self.spec = s
        self.bend = Linear(dim, dim, bias=False) if isinstance(s, Predicted) else None
        self.place = Linear(dim, 1, bias=False) if isinstance(s, Predicted) else None

    def forward(
        self, x: Float[Tensor, "b q m"], steps: Int[Tensor, "b q"], keys: int, allow: Bool[Tensor, "_ 1 _ k"] | None
    ) -> tuple[Bool[Tensor, "b 1 q k"], ops.WeighFn | None]:
        """The mask of the windows, and how weights fade where they do. `steps`: which one each query is at."""
        first, last = _ends(x, keys, allow)
        if self.bend is None or self.place is None:
            at, weigh = torch.minimum(first + steps, last).float(), None
        else:
            share = self.place(self.bend(x).tanh())[..., 0]
            at = first + (last - first) * share.to(torch.promote_types(share.dtype, torch.float32)).sigmoid()
            weigh = partial(ops.faded, fade=ops.luong_fade(at, keys, self.spec.width))
        near = ops.luong_window(at.detach(), last[:, 0] + 1, keys, self.spec.width)
        return near if allow is None else near & allow, weigh


def _ends(x: Tensor, keys: int, allow: Bool[Tensor, "_ 1 _ k"] | None) -> tuple[Int[Tensor, "b 1"], Int[Tensor, "b 1"]]:
    """The first and the last slot that may be seen in each row."""
    slots = torch.arange(keys, device=x.device)
    if allow is None:
        return slots[:1].expand(len(x), 1), slots[-1:].expand(len(x), 1)
    seen = allow[:, 0, 0]
    return torch.where(seen, slots, keys - 1).amin(-1, keepdim=True), torch.where(seen, slots, 0).amax(-1, keepdim=True)
