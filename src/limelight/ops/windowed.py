"""Windowed attention in operations and memory that grow with queries x window, not with their square.

Beltagy et al. 2020, section 3.1: queries are cut into chunks, and each chunk meets only the keys that one of its queries may see.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from .attend import attend
from .flex import flex, flex_serves
from .masks import causal as not_later
from .masks import window as near

CHUNK = 64             # queries that share their keys, at least: fewer leave the kernel little to do at a time


def windowed(
    q: Float[Tensor, "b h n d"],
    k: Float[Tensor, "b g n d"],
    v: Float[Tensor, "b g n e"],
    *,
    window: int,
    keep: Bool[Tensor, "b 1 1 n"] | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "b h n e"]:
    """`attend` where keys `window` slots away, or more, are hidden: the same sums, chunk by chunk.

    Queries and keys stand in the same slots. `keep`: keys that any query may see; `causal` hides later keys. A query that may see
    nothing gets zeros.
    """
    if not dropout and flex_serves(q, k, v):                                            # which skips whole blocks by itself
        return flex(q, k, v, allow=keep, causal=causal, window=window, scale=scale)
    n, size = q.shape[2], max(CHUNK, window)
    after = 0 if causal else window - 1
    reach = (window - 1, after + -n % size)                                             # slots before the first chunk, after the last
    allow = _band(size, window, causal=causal, device=q.device)                         # (c' c+r)
    real = torch.ones(1, 1, 1, n, dtype=torch.bool, device=q.device) if keep is None else keep
    seen = F.pad(real, reach).unfold(3, size + window - 1 + after, size).movedim(3, 1)  # (b|1 m 1 1 c+r)
    chunks = seen.shape[1]
    asks = F.pad(q, (0, 0, 0, -n % size)).unflatten(2, (chunks, size)).movedim(2, 1)    # (b m h c d)
    keys, values = (F.pad(x, (0, 0, *reach)).unfold(2, size + window - 1 + after, size).movedim(2, 1).mT for x in (k, v))
    mask = (allow & seen).expand(len(q), -1, -1, -1, -1)                                # (b m 1 c c+r)
    out = attend(*(x.flatten(0, 1) for x in (asks, keys, values)), allow=mask.flatten(0, 1), scale=scale, dropout=dropout)
    return out.unflatten(0, (len(q), chunks)).movedim(1, 2).flatten(2, 3)[:, :, :n]


def windowed_pays(n: int, window: int) -> bool:
    """Whether so many queries take less time in chunks than under one mask (measured on a CPU: from about four chunks on)."""
    return n >= 4 * max(CHUNK, window)


def _band(size: int, window: int, *, causal: bool, device: torch.device) -> Bool[Tensor, "c k"]:
    """Which of its keys each query of a chunk may see: the chunk's own are in the slots from window - 1 on."""
    keys = torch.arange(1 - window, size + (0 if causal else window - 1), device=device)
    mask = near(window) & not_later if causal else near(window)
    return mask.dense(torch.arange(size, device=device), keys)[0, 0]
