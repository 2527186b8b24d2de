"""Multi-head attention: queries from one place, keys and values from the same or another (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .. import ops
from ..spec import Additive, Dot, General, ScaledDot
from ..spec import Attention as AttentionSpec
from .cache import Cache
from .norms import norm
from .packed import Linear, Packed, of


@dataclass(frozen=True, eq=False)
class Turn:
    """By what rotary positions turn queries and keys, (b|1 1 n d/2) each, and which channels go together (see ops.rotate)."""

    cos: Float[Tensor, "_ 1 n r"]
    sin: Float[Tensor, "_ 1 n r"]
    pairs: bool


@dataclass(frozen=True, eq=False)
class Sight:
    """All that an attention may know besides its inputs: made once a stack, the same for every layer."""

    allow: Bool[Tensor, "_ 1 _ k"] | None = None
    causal: bool = False
    bias: Float[Tensor, "1 h q k"] | None = None
    turn: Turn | None = None


@dataclass(frozen=True, eq=False)
class Look:
    """What the kernel was given in one call of one attention: enough to rebuild its weights exactly.

    Self-attention's `k` and `v` hold only what is new in this call, from slot `past` on, as it was projected: the cache's own
    buffer is written on later. Cross-attention's are all there each time.
    """

    q: Tensor                                            # (b h q d), after rotary
    k: Tensor                                            # (b g k d), after rotary
    v: Tensor                                            # (b g k d)
    past: int                                            # tokens that the cache held before this call
    reorders: int                                        # how often the cache's rows had been reordered
    crossing: bool
    how: dict[str, Any]                                  # allow, bias, causal, scale, score: the arguments of ops.attend
    run: int | None = None                               # which cache's sequence this is a step of; None without a cache


@runtime_checkable
class Eye(Protocol):
    """Somebody who looks. See look/trace.py."""

    def saw(self, look: Look) -> None:
        """Take note; must not change anything."""
        ...


class Attention(nn.Module):
    """Project, split into heads, attend, merge. Holds weights only; sequences live in the caller's cache."""

    def __init__(self, s: AttentionSpec, dim: int):
        super().__init__()
        self.spec, self.heads, self.groups = s, s.heads, s.groups
        d = s.width(dim)
        self.q = Linear(dim, self.heads * d, "q" in s.bias)
        self.k = Linear(dim, self.groups * d, "k" in s.bias)
        self.v = Linear(dim, self.groups * d, "v" in s.bias)
        self.o = Linear(self.heads * d, dim, "o" in s.bias)
        self.q_norm = norm(s.norm, d) if s.norm else nn.Identity()
        self.k_norm = norm(s.norm, d) if s.norm else nn.Identity()
        match s.score:
            case General():
                self.score = nn.Parameter(torch.eye(d).repeat(self.heads, 1, 1) * d**-0.5)
            case Additive():
                self.score = nn.Parameter(torch.randn(self.heads, d) * d**-0.5)
        self.eye: Eye | None = None
        self.joint: Packed | None = None                     # q, k and v of one input in one product

    def pack(self) -> None:
        """See nn.packed.Packs."""
        self.joint = Packed(of(self.q, self.k, self.v))

    def forward(self, x: Float[Tensor, "b q m"], source: Tensor | None, sight: Sight, cache: Cache | None, layer: int) -> Tensor:
        """x (b q m) looks at `source`, or at itself where source is None -> (b q m).

        `source` may have fewer rows than x: then each of its rows is shared by as many neighbours (beams of one sentence).
        """
        past = cache.length if cache else 0
        if source is None:
            q, new_k, new_v = self._near(x, sight)
            k, v = (new_k, new_v) if cache is None else cache.extend(layer, new_k, new_v)
        else:
            k, v = new_k, new_v = self._far(source, cache, layer)
            q = self.q_norm(_split(self.q(x.reshape(len(k), -1, x.shape[-1])), self.heads))   # beams of one sentence are just more queries
        how: dict[str, Any] = {"allow": sight.allow, "bias": sight.bias, "causal": sight.causal, **self._measure()}
        if (eye := self.eye) is not None:                    # read once: another thread may close it
            run = None if cache is None else id(cache)
            reorders = cache.reorders if cache else 0
            eye.saw(Look(_by_row(q, len(x)), new_k, new_v, past, reorders, source is not None, how, run))
        out = ops.attend(q, k, v, dropout=self.spec.dropout if self.training else 0.0, **how)
        return self.o(out.transpose(1, 2).flatten(2)).reshape(x.shape)

    def _near(self, x: Tensor, sight: Sight) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of x itself."""
        if self.joint is not None and self.joint.serves(x):
            q, k, v = _split(self.joint(x), self.heads + 2 * self.groups).split([self.heads, self.groups, self.groups], 1)
        else:
            q, k, v = _split(self.q(x), self.heads), _split(self.k(x), self.groups), _split(self.v(x), self.groups)
        return _rotate(self.q_norm(q), sight.turn), _rotate(self.k_norm(k), sight.turn), v

    def _far(self, source: Tensor, cache: Cache | None, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the memory: made once, then found in the cache."""
        if cache is not None and (held := cache.far(layer)) is not None:
            return held
        k, v = self.k_norm(_split(self.k(source), self.groups)), _split(self.v(source), self.groups)
        if cache is not None:
            cache.keep_far(layer, k, v)
        return k, v

    def _measure(self) -> dict[str, Any]:
        """The score of the spec, as arguments of ops.attend."""
        match self.spec.score:
            case ScaledDot(scale=scale):
                return {"scale": scale, "score": ops.dot}
            case Dot():
                return {"scale": 1.0, "score": ops.dot}
            case General():
                return {"scale": 1.0, "score": partial(ops.general, weight=self.score)}
            case _:
                return {"scale": 1.0, "score": partial(ops.additive, weight=self.score)}


def _split(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)             # (b n hd) -> (b h n d)


def _rotate(x: Tensor, turn: Turn | None) -> Tensor:
    return x if turn is None else ops.rotate(x, turn.cos, turn.sin, pairs=turn.pairs)


def _by_row(q: Tensor, rows: int) -> Tensor:
    """(b h r·q d) -> (b·r h q d)."""
    return q if len(q) == rows else q.unflatten(2, (rows // len(q), -1)).transpose(1, 2).flatten(0, 1)
