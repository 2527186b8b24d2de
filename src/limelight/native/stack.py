"""A whole column of layers in one native call; csrc/stack.cpp says how it goes. Structures here are laid out as in csrc/stack.h."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .build import library
from .matrix import ACTS, Act, Matrix, Packed

NORMS = ("none", "layer", "rms")
_at = ctypes.c_void_p
_whole = ctypes.c_int64


class _Norm(ctypes.Structure):
    _fields_ = (("weight", _at), ("bias", _at), ("eps", ctypes.c_float), ("kind", ctypes.c_int32))


class _Heads(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.POINTER(Packed)) for name in ("into", "out")),
        *((name, _Norm) for name in ("query", "key")),
        *((name, _whole) for name in ("heads", "groups", "width", "window")),
        ("scale", ctypes.c_float),
    )


class _Block(ctypes.Structure):
    _fields_ = (
        *((name, _Heads) for name in ("self", "cross")),
        *((name, _Norm) for name in ("self_norm", "cross_norm", "ff_norm")),
        *((name, ctypes.POINTER(Packed)) for name in ("up", "gate", "down")),
        ("act", ctypes.c_int32),
    )


class _Column(ctypes.Structure):
    _fields_ = (
        ("blocks", ctypes.POINTER(_Block)),
        *((name, _whole) for name in ("depth", "dim")),
        *((name, ctypes.c_int32) for name in ("causal", "pre")),
        ("last", _Norm),
    )


class _Call(ctypes.Structure):
    _fields_ = (
        *(("x", _at), ("tokens", _whole), ("sequences", _whole), ("first", _at), ("past", _at)),
        *(("store", _at), ("pages", _at), *((name, _whole) for name in ("pages_each", "page", "layer", "values", "group", "half"))),
        *(("cos", _at), ("sin", _at), ("pairs", _whole)),
        *(("keep", _at), ("keep_stride", _whole), ("bias", _at), *((name, _whole) for name in ("bias_head", "bias_query", "bias_from"))),
        *((f"far_{name}", _at) for name in ("pairs", "steps", "rows", "keep")),
        *((f"far_{name}", _whole) for name in ("slots", "half")),
        *(("self_asked", _at), ("cross_asked", _at), ("threads", _whole)),
    )


@dataclass(frozen=True, eq=False)
class Norm:
    """A norm: its numbers stand in tensors that are kept here."""

    kind: Literal["none", "layer", "rms"] = "none"
    weight: Tensor | None = None
    bias: Tensor | None = None
    eps: float = 0.0

    def laid_out(self) -> _Norm:
        """For C++."""
        return _Norm(_of(self.weight), _of(self.bias), self.eps, NORMS.index(self.kind))


@dataclass(frozen=True, eq=False)
class Heads:
    """One attention of one layer. `into`: queries, keys and values side by side, or queries alone where keys are a memory's; `window`: None
    for none; `query`, `key`: norms of each head."""

    into: Matrix
    out: Matrix
    heads: int
    groups: int
    width: int
    scale: float
    window: int | None = None
    query: Norm = Norm()
    key: Norm = Norm()


@dataclass(frozen=True, eq=False)
class Block:
    """One layer."""

    near: Heads
    far: Heads | None
    norms: tuple[Norm, Norm, Norm]       # of self-attention, cross-attention, feed-forward
    up: Matrix
    gate: Matrix | None
    down: Matrix
    act: Act


@dataclass(frozen=True, eq=False)
class Store:
    """Where keys and values stand in `tensor`: the key of slot t, in row b, layer i and group g, at element
    pages[b, t // page] + i · layer + g · group + (t % page) · d, its value `values` further."""

    tensor: Tensor
    pages: Int[Tensor, "b p"]
    page: int
    layer: int
    values: int
    group: int


@dataclass(frozen=True, eq=False)
class Far:
    """A memory's keys and values, a pair (r g n d) of the same strides for each layer; `rows`: which row each sequence looks at."""

    pairs: Sequence[tuple[Tensor, Tensor]]
    rows: Int[Tensor, " s"]
    keep: Tensor | None = None           # (r n) bool


@dataclass(frozen=True, eq=False)
class Flat:
    """Tokens of several sequences behind one another. `first`: where each begins, and where the last ends; `past`: the slot of each one's
    first token. `keep`: slots that may be seen, by sequence; `bias`: (h 2r - 1), of keys that stand 1 - r ... r - 1 slots after
    their query, r being the most slots of a sequence or more."""

    x: Float[Tensor, "t m"]
    first: Int[Tensor, " s1"]
    past: Int[Tensor, " s"]
    store: Store
    turns: tuple[Tensor, Tensor, bool] | None = None     # cosines and sines (t d/2), and whether neighbours are turned together
    keep: Tensor | None = None
    bias: Float[Tensor, "h r"] | None = None
    far: Far | None = None


class Column:
    """All layers of a column and the norm after them, laid out for C++ once."""

    def __init__(self, blocks: Sequence[Block], last: Norm, *, dim: int, causal: bool, pre: bool):
        self._held: list[object] = [blocks, last]
        laid = (_Block * len(blocks))(*(self._block(each) for each in blocks))
        self._column = _Column(laid, len(blocks), dim, causal, pre, last.laid_out())

    def __call__(self, f: Flat, *, asked: tuple[Sequence[Tensor | None], Sequence[Tensor | None]] = ((), ())) -> None:
        """Put what the column makes of f.x in its place, and new keys and values into the store. `asked`: for each layer where queries of
        self-attention, and of cross-attention, are noted, (t h·d) float32 as they met the keys; None where nobody looks."""
        held: list[object] = []
        call = _Call(
            *(f.x.data_ptr(), len(f.x), len(f.past), f.first.data_ptr(), f.past.data_ptr()),
            *_stored(f.store),
            *((None, None, 0) if f.turns is None else (f.turns[0].data_ptr(), f.turns[1].data_ptr(), f.turns[2])),
            *((None, 0) if f.keep is None else (f.keep.data_ptr(), f.keep.stride(0))),
            *((None, 0, 0, 0) if f.bias is None else (f.bias.data_ptr(), f.bias.stride(0), -1, f.bias.shape[1] // 2)),
            *_far(f.far, held),
            *(_places(each, held) for each in asked),
            torch.get_num_threads(),
        )
        native = library()
        if native is None or native.limelight_stack(ctypes.byref(self._column), ctypes.byref(call)):
            raise MemoryError

    def _block(self, b: Block) -> _Block:
        return _Block(
            *(self._heads(b.near), self._heads(b.far)),
            *(each.laid_out() for each in b.norms),
            *(self._matrix(each) for each in (b.up, b.gate, b.down)),
            ACTS.index(b.act),
        )

    def _heads(self, h: Heads | None) -> _Heads:
        if h is None:
            return _Heads()
        sizes = (h.heads, h.groups, h.width, h.window or 0)
        return _Heads(self._matrix(h.into), self._matrix(h.out), h.query.laid_out(), h.key.laid_out(), *sizes, h.scale)

    def _matrix(self, matrix: Matrix | None) -> object:
        if matrix is None:
            return None
        self._held.append(packed := matrix.packed())
        return ctypes.pointer(packed)


def _stored(s: Store) -> tuple[object, ...]:
    half = s.tensor.dtype == torch.bfloat16
    return (s.tensor.data_ptr(), s.pages.data_ptr(), s.pages.shape[1], s.page, s.layer, s.values, s.group, half)


def _far(far: Far | None, held: list[object]) -> tuple[object, ...]:
    if far is None:
        return (None, None, None, None, 0, 0)
    like, depth = far.pairs[0][0], len(far.pairs)
    held.append(places := (_at * (2 * depth))(*(each.data_ptr() for pair in far.pairs for each in pair)))
    held.append(steps := (_whole * (3 * depth))(*(step for k, _ in far.pairs for step in k.stride()[:3])))
    pointers = (ctypes.cast(places, _at), ctypes.cast(steps, _at))
    return (*pointers, far.rows.data_ptr(), _of(far.keep), like.shape[2], like.dtype == torch.bfloat16)


def _places(tensors: Sequence[Tensor | None], held: list[object]) -> object:
    if all(each is None for each in tensors):
        return None
    held.append(places := (_at * len(tensors))(*map(_of, tensors)))
    return ctypes.cast(places, _at)


def _of(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
