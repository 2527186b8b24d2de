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
    """The middle of each query's window: min(t, keys - 1), or (keys - 1) * sigmoid(v . tanh(W x)) (equation 9; slots count from 0)."""

    def __init__(self, s: Local, dim: int):
        super().__init__()
        self.spec = s
        self.bend = Linear(dim, dim, bias=False) if isinstance(s, Predicted) else None
        self.place = Linear(dim, 1, bias=False) if isinstance(s, Predicted) else None

    def forward(
        self, x: Float[Tensor, "b q m"], past: int, steps: int, keys: int, allow: Bool[Tensor, "_ 1 _ k"] | None
    ) -> tuple[Bool[Tensor, "b 1 q k"], ops.WeighFn | None]:
        """The mask of the windows, and how weights fade where they do. `steps`: queries in a row of x, which may hold several beams one
        after the other; `past`: steps before these."""
        last = self._last(x, keys, allow)
        if self.bend is None or self.place is None:
            t = torch.arange(past, past + steps, device=x.device).repeat(x.shape[1] // steps)
            at, weigh = torch.minimum(t[None].float(), last[:, None]), None
        else:
            at = last[:, None] * self.place(self.bend(x).tanh())[..., 0].float().sigmoid()
            weigh = partial(ops.faded, fade=ops.luong_fade(at, keys, float(self.spec.width)))
        near = ops.luong_window(at.detach(), last.long() + 1, keys, float(self.spec.width))
        return near if allow is None else near & allow, weigh

    def _last(self, x: Tensor, keys: int, allow: Tensor | None) -> Float[Tensor, " b"]:
        """The last slot that may be seen in each row."""
        slots: Int[Tensor, " k"] = torch.arange(keys, device=x.device)
        if allow is None:
            return slots[-1:].expand(len(x)).float()
        return torch.where(allow[:, 0, 0], slots, 0).amax(-1).float()
