"""FlexAttention (Dong et al. 2024): masks and biases that torch's fused kernel takes only as a map of queries x keys, on a GPU.

What is known of slots alone, causal order and windows, becomes blocks that are skipped; what is said by tensors, padding and biases,
changes single scores. Compiled once for each mixture. On a CPU it takes many times as long as `attend`; there it is only right.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .masks import causal as not_later
from .masks import everything
from .masks import window as near

DEVICES = {"cuda"}                   # where it is one kernel
BLOCK = 128                          # queries, and keys, that are skipped together
NARROWEST = 16                       # heads below this width are not for its kernel
Mod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]              # row, head, query, key -> whether, each a single number
ScoreMod = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


def flex(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    v: Float[Tensor, "b g k e"],
    *,
    allow: Bool[Tensor, "..."] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    window: int | None = None,
    scale: float | None = None,
) -> Float[Tensor, "b h q e"]:
    """`attend` for softmax over dot products, where keys `window` slots away, or more, are hidden besides: slots are counted from the
    lower right corner. Under autocast it runs in its format."""
    kind = q.device.type
    low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else q.dtype
    attention, _ = _kernels(kind)
    blocks = _blocks(q.shape[2], k.shape[2], causal, window, q.device) if causal or window is not None else None
    how = {"score_mod": score_mod(allow, bias), "block_mask": blocks, "scale": scale, "enable_gqa": q.shape[1] != k.shape[1]}
    return attention(*(x.to(low) for x in (q, k, v)), **how)


def flex_serves(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> bool:
    """Whether it is for these: on CUDA, for rows that fill a block, heads that are wide enough, and a bias that does not learn."""
    learns = bias is not None and bias.requires_grad and torch.is_grad_enabled()
    wide = min(q.shape[3], v.shape[3]) >= NARROWEST
    return wide and flex_pays(q.device, min(q.shape[2], k.shape[2])) and not learns


def flex_pays(device: torch.device, queries: int) -> bool:
    """Whether so many queries there are better told of order and padding apart than by one map of both."""
    return device.type in DEVICES and queries >= BLOCK


def mask_mod(queries: int, keys: int, *, causal: bool, window: int | None) -> Mod:
    """What is known of slots alone, by the predicates of `masks`."""
    mask = (not_later if causal else everything) & (everything if window is None else near(window))
    before = keys - queries
    return lambda _row, _head, query, key: mask.rule(query + before, key)                 # no function: torch counts what it takes


def score_mod(allow: Bool[Tensor, "..."] | None, bias: Float[Tensor, "..."] | None) -> ScoreMod | None:
    """What tensors say of single scores, each broadcast to (b h q k); None where they say nothing."""
    shift: Any = (lambda *_: 0.0) if bias is None else _looked_up(bias)
    if allow is None:
        return None if bias is None else lambda score, row, head, query, key: score + shift(row, head, query, key)
    seen = _looked_up(allow)
    return lambda score, row, head, query, key: torch.where(
        seen(row, head, query, key), score + shift(row, head, query, key), -torch.inf
    )


def _looked_up(x: Tensor) -> Mod:
    """One number of x, which broadcasts to (b h q k)."""
    wide = [False] * (4 - x.ndim) + [size > 1 for size in x.shape]
    held = x.squeeze()
    return lambda *at: held[tuple(i for i, varies in zip(at, wide, strict=True) if varies)]


@functools.lru_cache(maxsize=32)
def _blocks(queries: int, keys: int, causal: bool, window: int | None, device: torch.device) -> Any:
    """Which blocks of keys each block of queries meets: the same for all layers and texts of a length, so kept."""
    _, blocks_of = _kernels(device.type)
    with torch.inference_mode(False), torch.no_grad():                    # kept for callers who take gradients too
        rule = mask_mod(queries, keys, causal=causal, window=window)
        return blocks_of(rule, None, None, queries, keys, device=device, BLOCK_SIZE=BLOCK)


@functools.cache
def _kernels(kind: str) -> tuple[Callable[..., Tensor], Callable[..., Any]]:
    """Attention, and what makes its blocks: compiled for a GPU, which is what makes them one kernel each."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention  # loads the compiler: only where it is used

    if kind != "cuda":
        return flex_attention, create_block_mask                          # pyright: ignore[reportReturnType]
    return torch.compile(flex_attention, dynamic=True), torch.compile(create_block_mask, dynamic=True)   # pyright: ignore[reportReturnType]
