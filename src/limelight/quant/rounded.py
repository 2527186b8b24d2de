"""Products of whole numbers wherever torch runs: the plain twin of the native kernels, for what they say and not for their speed."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

LEAST = 1e-30                            # a row of smaller numbers counts as zeros


@dataclass(frozen=True, eq=False)
class Rounded:
    """x -> W x + b with weights and each row of x rounded as a native int8 or int4 product rounds them; only the sums are in another order.

    torch's own int8 products round a whole batch by one scale: there what a row gives depends on its neighbours.
    """

    weight: Float[Tensor, "o m"]
    bias: Float[Tensor, " o"] | None

    def __call__(self, x: Float[Tensor, "*n m"]) -> Float[Tensor, "*n o"]:
        """(... m) -> (... o), in x's dtype."""
        rows = x.float()
        most = rows.abs().amax(-1, keepdim=True)
        whole = (rows * (127 / most)).round().where(most >= LEAST, 0.0)
        return F.linear(whole * (most / 127), self.weight, self.bias).to(x.dtype)
