"""`attend` in one native call: the fast twin of ops.attend on a CPU, for what its kernel serves.

A running softmax over chunks of keys (Milakov and Gimelshein 2018; Dao et al. 2022). Nobody's weights are in memory, hidden chunks cost
nothing, and a query's answer has the same bits alone, in a longer call, in a batch, and with any number of threads.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import InputError
from .build import library

KINDS = (torch.float32, torch.bfloat16)
_Three = ctypes.c_int64 * 3


class _Batch(ctypes.Structure):
    """csrc/attention_call.cpp's Batch."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("q", "out", "k", "v", "keep", "bias")),
        *((f"{name}_strides", _Three) for name in ("q", "out", "k", "v", "bias")),
        ("keep_stride", ctypes.c_int64),
        *((name, ctypes.c_int64) for name in ("rows", "heads", "groups", "queries", "slots", "width", "past", "window")),
        ("pages", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("page", "page_stride", "half", "causal")),
        ("scale", ctypes.c_float),
    )


@dataclass(frozen=True, eq=False)
class Pages:
    """Where keys stand that are cut into pages: slot t of row b at element `at[b, t // size]` + (t % size) · stride of k's first row.

    `slots`: how many there are in each row.
    """

    at: Int[Tensor, "b p"]
    size: int
    slots: int


def attend(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b g k d"],
    v: Float[Tensor, "b g k d"],
    *,
    allow: Bool[Tensor, "_ 1 1 k"] | None = None,
    bias: Float[Tensor, "..."] | None = None,
    causal: bool = False,
    scale: float | None = None,
    window: int | None = None,
    pages: Pages | None = None,
    threads: int | None = None,
) -> Float[Tensor, "b h q d"]:
    """The weighted sum of values for each query, as ops.attend gives it, for float32 or bfloat16 on a CPU and without gradients.

    `allow`: keys that any query may see; `bias`: float, broadcasts to (b h q k); `causal`: the last query stands in the last slot;
    `window`: keys so many slots away, or more, are hidden. A query that may see nothing gets zeros. bfloat16 sums in float32; where the
    processor multiplies pairs fast, queries and weights are rounded to nearest first, else keys and values are widened. `pages`: k and v
    are then views of what they lie in, (b g 1 d) at the head of each group. `threads` None: as many as torch uses. Raises InputError for
    what is not served (see `serves`), or where there is no native library.
    """
    lib = library()
    if lib is None or not serves(q, k, v):
        raise InputError("attention is not served natively here.", "Use ops.attend.")
    if pages is None and k.stride() != v.stride():
        k, v = k.contiguous(), v.contiguous()
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    slots = k.shape[2] if pages is None else pages.slots
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    keep = None if allow is None else allow.expand(len(q), 1, 1, slots).contiguous()
    added = None if bias is None else _added(bias, (*q.shape[:3], slots))
    table = None if pages is None else pages.at.to(torch.int64).contiguous()
    batch = _Batch(
        *(None if x is None else x.data_ptr() for x in (q, out, k, v, keep, added)),
        *(_Three() if x is None else _Three(*x.stride()[:3]) for x in (q, out, k, v, added)),
        *(slots, len(q), q.shape[1], k.shape[1], q.shape[2], slots, q.shape[3], slots - q.shape[2] if causal or window else 0),
        *(window or 0, None if table is None else table.data_ptr(), pages.size if pages else 0, 0 if table is None else table.shape[1]),
        *(q.dtype == torch.bfloat16, causal, q.shape[3] ** -0.5 if scale is None else scale),
    )
    lib.limelight_attend(ctypes.byref(batch), threads or torch.get_num_threads())
    return out


def serves(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Whether the kernel takes such tensors: one of its two kinds, on the CPU, nothing to learn, heads that share keys evenly."""
    alike = q.dtype == k.dtype == v.dtype and q.dtype in KINDS and k.shape == v.shape and q.shape[3] == k.shape[3]
    learning = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad)
    return alike and not learning and q.device.type == "cpu" and q.numel() > 0 and q.shape[1] % k.shape[1] == 0


def _added(bias: Tensor, shape: tuple[int, ...]) -> Tensor:
    """As float32, (b h q k), each row of slots without gaps; what is broadcast is not copied."""
    bias = bias.float()
    bias = bias if bias.stride(-1) == 1 and bias.shape[-1] == shape[-1] else bias.expand(*bias.shape[:-1], shape[-1]).contiguous()
    return bias.expand(shape)
