"""Stores: where the native column finds keys and values, and puts new ones: in a cache, in pages, or in room that nobody keeps."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from ..native.stack import Store
from .cache import Cache, History, KeyValue
from .paged_cache import PagedCache


def of_cache(cache: Cache, rows: int, n: int, groups: int, width: int, dtype: torch.dtype) -> tuple[Store, Int[Tensor, " b"]]:
    """With room for `n` more tokens in each row; and the slots before those."""
    tensor = cache.ahead(rows, groups, n, width, dtype)
    _, _, g, room, d = tensor.shape
    values, row, past = tensor.stride(0), g * room * d, torch.full((rows,), cache.length)
    if cache.writers is None:
        return Store(tensor, (torch.arange(rows) * row)[:, None], room, 2 * values, values, room * d), past
    slots = cache.length + n
    return Store(tensor, cache.writers[:, :slots] * row + torch.arange(slots) * d, 1, 2 * values, values, room * d), past


def of_pages(cache: PagedCache) -> Store:
    """Each row in slots of its own: nothing is padded."""
    tensor = cache.pool.tensor
    page, part, group, _, _ = tensor.stride()
    return Store(tensor, cache.tables() * page, tensor.shape[3], 2 * part, part, group)


def of_texts(first: Int[Tensor, " b1"], groups: int, width: int, dtype: torch.dtype) -> Store:
    """Room for whole texts that nobody goes on from; each layer that it is given to writes over the one before."""
    tokens = int(first[-1])
    tensor = torch.empty(2, groups, tokens, width, dtype=dtype)
    return Store(tensor, (first[:-1] * width)[:, None].contiguous(), max(1, tokens), 0, groups * tokens * width, tokens * width)


def newest(cache: History | None, store: Store, layer: int, shape: tuple[int, int, int]) -> KeyValue:
    """The keys and values that a call has made in one layer, (b g n d) float32, out of reach of what is written later (a store of texts is
    its layer's own where somebody looks); `shape`: b, g, n."""
    b, g, n = shape
    match cache:
        case Cache():
            pair = store.tensor[2 * layer : 2 * layer + 2, :b, :g, cache.length : cache.length + n]
        case PagedCache():
            pair = torch.stack(cache.newest(layer, g))
        case _:
            pair = store.tensor.unflatten(2, (b, n)).transpose(1, 2)[:, :, :g]
    k, v = pair.to(torch.float32, copy=cache is not None).unbind(0)
    return k, v
