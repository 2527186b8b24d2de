"""Linear attention: with a kernel phi(q) . phi(k) for a score, keys and values can be summed before they meet a query.

Katharopoulos et al. 2020, equations 5 and 9: n x d x e operations where the weights themselves would take n x n. Sums are in
fp32 at least, and a column of ones beside the values sums the normaliser along with them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from .scores import positive

CHUNK = 128            # tokens that meet directly; those before a chunk meet it as one sum


def linear(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    v: Float[Tensor, "b g k e"],
    *,
    keep: Bool[Tensor, "#b 1 1 #k"] | None = None,
    causal: bool = False,
) -> Float[Tensor, "b h q e"]:
    """`attend` with the score `kernel` and the weights `shares`, in memory that grows with queries plus keys.

    `keep`: keys that any query may see. `causal` hides later keys, counted from the lower right corner. A query that may see
    nothing gets zeros.
    """
    wide = torch.promote_types(v.dtype, torch.float32)
    asks = positive(q.to(wide)).unflatten(1, (k.shape[1], -1))                              # (b g r q d)
    keys = positive(k.to(wide))
    keys = keys if keep is None else keys * keep.mT
    values = F.pad(v.to(wide), (0, 1), value=1.0)                                           # (b g k e+1)
    summed = _up_to_each(asks, keys, values) if causal else asks @ (keys.mT @ values)[:, :, None]
    sums, total = summed.flatten(1, 2).split([v.shape[-1], 1], -1)
    return (sums / total.masked_fill(total == 0, 1.0)).to(v.dtype)


def _up_to_each(asks: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Sums over the keys that are not later than each query, the last query facing the last key -> (b g r q e+1)."""
    early = keys.shape[2] - asks.shape[3]
    if early < 0:                                                                           # the first queries face no key
        return F.pad(_up_to_each(asks[:, :, :, -early:], keys, values), (0, 0, -early, 0))
    before = keys[:, :, :early].mT @ values[:, :, :early]                                   # (b g d e+1): what all see
    queries, size = asks.shape[3], min(CHUNK, asks.shape[3])
    asks, keys, values = (_chunks(x, size) for x in (asks, keys[:, :, early:], values[:, :, early:]))
    states = torch.cat((before[:, :, None], (keys.mT @ values)[:, :, :-1]), 2).cumsum(2)    # (b g c d e+1): no rounding from later ones
    near = (asks @ keys[:, :, None].mT).tril() @ values[:, :, None]                         # (b g r c n e+1)
    return (near + asks @ states[:, :, None]).flatten(3, 4)[:, :, :, :queries]


def _chunks(x: Tensor, size: int) -> Tensor:
    """(... n d) -> (... c size d), zeros at the end."""
    return F.pad(x, (0, 0, 0, -x.shape[-2] % size)).unflatten(-2, (-1, size))
