"""Multi-head attention: queries from one place, keys and values from the same or another (Vaswani et al. 2017, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import ops
from ..spec import Additive, Dot, Entmax, General, Hard, Kernel, Pruned, ScaledDot, Sparsemax
from ..spec import Attention as AttentionSpec
from .cache import History, Memory
from .draws import Draws
from .local import Centres
from .norms import norm
from .packed import Kind, Linear, Packed, of

TINY = torch.finfo(torch.float32).tiny


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
    window: int | None = None                            # where self-attention goes chunk by chunk: no mask of pairs is made
    draws: Draws | None = None
    at: Int[Tensor, "b q"] | None = None                 # which step each query is at; None where that is its slot
    place: Float[Tensor, "_ q m"] | None = None          # what queries, and keys of the same sequence, gain for where they stand
    there: Float[Tensor, "_ k m"] | None = None          # what a memory's keys gain

    @classmethod
    def far(cls, memory: Memory, draws: Draws | None = None, at: Tensor | None = None, place: Tensor | None = None) -> Sight:
        """Of a memory: its real places."""
        keep = None if memory.keep is None else memory.keep[:, None, None, :]
        return cls(keep, draws=draws, at=at, place=place, there=memory.places)


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
    how: dict[str, Any]                                  # allow, bias, causal, scale, score, weigh: the arguments of ops.attend
    window: int | None = None                            # keys this many slots away, or more, were hidden besides
    run: int | None = None                               # which cache's sequence this is a step of; None without a cache


@runtime_checkable
class Eye(Protocol):
    """Somebody who looks. See look/trace.py."""

    def saw(self, look: Look) -> None:
        """Take note; must not change anything."""
        ...


class Attention(nn.Module):
    """Project, split into heads, attend, merge. Holds weights only; sequences live in the caller's cache."""

    def __init__(self, s: AttentionSpec, dim: int, lost: Pruned | None = None, source: int | None = None):
        """`source`: the width of what keys and values are made of, where that is not `dim`."""
        super().__init__()
        self.kept = None if lost is None else lost.left(s)   # of all heads that the stack's biases are made for
        s = s if lost is None else lost.remains(s, dim)
        self.spec, self.heads, self.groups = s, s.heads, s.groups
        d = s.width(dim)
        self.q = _map(s, "q", dim, self.heads * d)
        self.k = _map(s, "k", source or dim, self.groups * d)
        self.v = _map(s, "v", source or dim, self.groups * d)
        self.o = _map(s, "o", self.heads * d, dim)
        self.q_norm = norm(s.norm, d) if s.norm else nn.Identity()
        self.k_norm = norm(s.norm, d) if s.norm else nn.Identity()
        match s.score:
            case General():
                self.score = nn.Parameter(torch.eye(d).repeat(self.heads, 1, 1) * d**-0.5)
            case Additive():
                self.score = nn.Parameter(torch.randn(self.heads, d) * d**-0.5)
        self.centres = Centres(s.local, dim) if s.local else None
        if isinstance(s.weights, Hard) and s.weights.estimator == "reinforce":
            self.baseline: Tensor
            self.register_buffer("baseline", torch.zeros(()))   # what a draw's reward is measured against; learns with the weights
        self.eye: Eye | None = None
        self.joint: Packed | None = None                     # q, k and v of one input in one product

    def pack(self, kind: Kind) -> None:
        """See nn.packed.Packs."""
        maps = [each for each in (self.q, self.k, self.v) if isinstance(each, Linear)]
        self.joint = Packed(of(*maps), kind) if len(maps) == 3 else None

    def forward(self, x: Float[Tensor, "b q m"], source: Tensor | None, sight: Sight, cache: History | None, layer: int) -> Tensor:
        """x (b q m) looks at `source`, or at itself where source is None -> (b q m).

        `source` may have fewer rows than x: then each of its rows is shared by as many neighbours (beams of one sentence).
        """
        past = cache.length if cache else 0
        if source is None:
            q, new_k, new_v = self._near(x, sight)
            shape = x.shape
            k, v = (new_k, new_v) if cache is None else cache.extend(layer, new_k, new_v)
        else:
            k, v = new_k, new_v = self._far(source, sight.there, cache, layer)
            x = x if sight.place is None else x + sight.place
            x, shape = x.reshape(len(k), -1, x.shape[-1]), x.shape                            # beams of one sentence are just more queries
            q = self.q_norm(_split(self.q(x), self.heads))
        if k.dtype != q.dtype:                               # a cache may keep fewer bits
            k, v = k.to(q.dtype), v.to(q.dtype)
        how, fading = self.how(sight), None
        if self.centres is not None:
            how["allow"], fading = self.centres(x, self._steps(x, sight, past, shape), k.shape[2], sight.allow)
        how["weigh"] = fading or self._weigher(q, k, how, sight.draws, layer, past)
        if (eye := self.eye) is not None:                    # read once: another thread may close it
            run = None if cache is None else cache.run
            reorders = cache.reorders if cache else 0
            eye.saw(Look(_by_row(q, shape[0]), new_k, new_v, past, reorders, source is not None, how, sight.window, run))
        dropout = self.spec.dropout if self.training else 0.0
        if sight.window is None:
            out = ops.attend(q, k, v, dropout=dropout, **how)
        else:
            near = {"window": sight.window, "keep": sight.allow, "causal": sight.causal}
            out = ops.windowed(q, k, v, scale=how["scale"], dropout=dropout, **near)
        return self.o(out.transpose(1, 2).flatten(2)).reshape(shape)

    def how(self, sight: Sight) -> dict[str, Any]:
        """The arguments of ops.attend, but for how scores become weights."""
        bias = sight.bias if sight.bias is None or self.kept is None else sight.bias[:, self.kept]
        return {"allow": sight.allow, "bias": bias, "causal": sight.causal, **self._measure()}

    def _steps(self, x: Tensor, sight: Sight, past: int, shape: torch.Size) -> Int[Tensor, "b q"]:
        """The step of each query of x, as the kernel has them, where the caller's rows and queries are `shape`."""
        at = torch.arange(past, past + shape[1], device=x.device).expand(shape[:2]) if sight.at is None else sight.at
        return at.reshape(x.shape[:2])

    def _near(self, x: Tensor, sight: Sight) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of x itself."""
        if sight.place is not None:
            h = x + sight.place
            q, k, v = _split(self.q(h), self.heads), _split(self.k(h), self.groups), _split(self.v(x), self.groups)
        elif self.joint is not None and self.joint.serves(x):
            q, k, v = _split(self.joint(x), self.heads + 2 * self.groups).split([self.heads, self.groups, self.groups], 1)
        else:
            q, k, v = _split(self.q(x), self.heads), _split(self.k(x), self.groups), _split(self.v(x), self.groups)
        return _rotate(self.q_norm(q), sight.turn), _rotate(self.k_norm(k), sight.turn), v

    def _far(self, source: Tensor, there: Tensor | None, cache: History | None, layer: int) -> tuple[Tensor, Tensor]:
        """Keys and values of the memory: made once, then found in the cache."""
        if cache is not None and (held := cache.far(layer)) is not None:
            return held
        k, v = self.keys_of(source, there)
        if cache is not None:
            cache.keep_far(layer, k, v)
        return k, v

    def keys_of(self, source: Tensor, there: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Keys and values of a memory, (b g n d) each; `there`: what keys gain for where they stand."""
        seen = source if there is None else source + there
        return self.k_norm(_split(self.k(seen), self.groups)), _split(self.v(source), self.groups)

    def _weigher(self, q: Tensor, k: Tensor, how: dict[str, Any], draws: Draws | None, layer: int, past: int) -> ops.WeighFn:
        """How scores become weights: the spec's own way, and for hard attention what is drawn this time."""
        match self.spec.weights:
            case Sparsemax():
                return ops.sparsemax
            case Entmax():
                return ops.entmax15
            case Kernel():
                return ops.shares
            case Hard(estimator="gumbel", temperature=temperature) if self.training:
                noise = -torch.empty(*q.shape[:3], k.shape[2], device=q.device).exponential_().clamp_(min=TINY).log()
                return partial(ops.gumbel, noise=noise, temperature=temperature)
            case Hard(estimator="reinforce" | "enumerate") if self.training or draws is not None:
                return partial(ops.drawn, at=(draws or Draws()).take(layer, ops.attention_scores(q, k, **how), past))
            case Hard():                                     # found once: in bfloat16 a trace's own scores could name another key
                return partial(ops.drawn, at=ops.best(ops.attention_scores(q, k, **how)))
        return ops.softmax

    def _measure(self) -> dict[str, Any]:
        """The score of the spec, as arguments of ops.attend."""
        if isinstance(self.spec.weights, Kernel):
            return {"scale": 1.0, "score": ops.kernel}
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


def _map(s: AttentionSpec, name: str, given: int, made: int) -> nn.Module:
    return Linear(given, made, name in s.bias) if name in s.maps else nn.Identity()


def _by_row(q: Tensor, rows: int) -> Tensor:
    """(b h r·q d) -> (b·r h q d)."""
    return q if len(q) == rows else q.unflatten(2, (rows // len(q), -1)).transpose(1, 2).flatten(0, 1)
