"""What attention costs, reckoned from a spec: operations and memory, as they grow with the length.

Counted as the code computes: a product of all pairs where that is what happens, chunks where it goes by chunks. Operations are
multiply-adds of one sequence; what a causal mask hides is counted, though a fused kernel skips most of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .attention import Attention
from .model import Model
from .positions import Alibi, Buckets
from .scores import Additive, Dot, General, ScaledDot
from .stack import FeedForward, Recurrent, Stack
from .weights import Entmax, Hard, Kernel, Predicted, Soft, Sparsemax

NUMBER, SLOT = 4, 8                              # bytes of a number in fp32, and of a place in a row
WINDOW_CHUNK, KERNEL_CHUNK = 64, 128             # as in ops.windowed and ops.linear
PARTS, GATES = {"lstm": 2, "gru": 1}, {"lstm": 4, "gru": 3}


@dataclass(frozen=True)
class Costs:
    """Of n tokens read, and n written where there is a decoder, in one pass as in training.

    `attention`: multiply-adds of scores and of sums of values, in all layers; `layers`: of all that the layers do, these included, without
    embeddings and heads. `bends`: hyperbolic tangents of additive scores, which are no multiply-adds. `pairs`: bytes of the largest map of
    queries and keys that one attention makes: scores in fp32, biases, masks; 0 where there is none
    (but of the few tokens for which the plain form is the faster one). `cache`: bytes that a decoder keeps
    once it has written them.
    """

    attention: int
    layers: int
    bends: int
    pairs: int
    cache: int


def cost(model: Model, n: int) -> Costs:
    """The costs of a model of this spec at a length."""
    sides = [_side(column, model, n) for column in model.columns.values()]
    found = [attention for side in sides for attention in side.attentions]
    return Costs(
        attention=sum(each.operations for each in found),
        layers=sum(side.rest for side in sides) + sum(each.operations + each.maps for each in found),
        bends=sum(each.bends for each in found),
        pairs=max((each.pairs for each in found), default=0),
        cache=_cache(model, n),
    )


@dataclass(frozen=True)
class _Attending:
    """One attention: its own operations, those of its maps, tangents, bytes of pairs."""

    operations: int
    maps: int
    bends: int
    pairs: int


@dataclass(frozen=True)
class _Side:
    """A column: its attentions, and the operations of all else."""

    attentions: list[_Attending]
    rest: int


def _side(column: Stack | Recurrent, model: Model, n: int) -> _Side:
    if isinstance(column, Recurrent):
        return _recurrent(column, model, n)
    windows = column.windows or (column.attention.window,) * column.depth
    dim = model.width(column)
    selves = [_Pairs(a, dim, n, column, window) for a, window in zip(_of_layers(column, "self", model), windows, strict=True)]
    crosses = [_Pairs(a, dim, n, source=model.source) for a in _of_layers(column, "cross", model)]
    return _Side([each.attending() for each in (*selves, *crosses)], column.depth * _feed_forward(column.ff, dim, n))


def _of_layers(column: Stack, part: Literal["self", "cross"], model: Model) -> list[Attention]:
    """What each layer has; layers may have lost heads."""
    return [a for i in range(column.depth) if (a := column.left(i, part, model.width(column))) is not None]


def _feed_forward(ff: FeedForward, dim: int, n: int) -> int:
    return n * dim * ff.hidden * (3 if ff.gated else 2)


def _recurrent(s: Recurrent, model: Model, n: int) -> _Side:
    dim, gates = model.dim, GATES[s.cell]
    if s is model.encoder:
        sides, width = (2, dim // 2) if s.bidirectional else (1, dim)
        return _Side([], s.depth * sides * n * gates * width * (dim + width))
    extra = dim if s.steps else 0
    cells = n * gates * dim * (extra + s.depth * 2 * dim)
    summary = 0 if model.encoder is None else (model.encoder.depth if isinstance(model.encoder, Recurrent) else 1) * dim
    readout = n * dim * (2 * dim if s.cross else dim)
    crosses = [] if s.cross is None else [_Pairs(s.cross, dim, n).attending()]
    return _Side(crosses, cells + summary * PARTS[s.cell] * s.depth * dim + readout)


@dataclass(frozen=True)
class _Pairs:
    """n queries and n keys of one attention; `stack`: whose self-attention it is; `source`: how wide what it looks at is, if not `dim`."""

    a: Attention
    dim: int
    n: int
    stack: Stack | None = None
    window: int | None = None
    source: int | None = None

    def attending(self) -> _Attending:
        a, n, width = self.a, self.n, self.a.width(self.dim)
        sizes = {"q": a.heads * width, "k": a.groups * width, "v": a.groups * width, "o": a.heads * width}
        maps = sum(n * ((self.source if name in "kv" else None) or self.dim) * sizes[name] for name in a.maps)
        if isinstance(a.local, Predicted):
            maps += n * self.dim * (self.dim + 1)
        return _Attending(self._operations(width), maps, self._bends(width), self._bytes(width))

    def _operations(self, width: int) -> int:
        a, n = self.a, self.n
        if isinstance(a.weights, Kernel) and (summed := self._summed(width)) is not None:
            return summed
        keys, queries = self._met()
        comparing = a.heads * queries * keys * width + (a.heads * n * width * width if isinstance(a.score, General) else 0)
        picks = isinstance(a.weights, Hard) and a.weights.estimator != "gumbel"
        return comparing + (0 if picks else a.heads * queries * keys * width)

    def _met(self) -> tuple[int, int]:
        """How many keys each query meets, and how many queries there are, those that fill up a chunk among them."""
        if not self._chunked or self.window is None or self.stack is None:
            return self.n, self.n
        size = max(WINDOW_CHUNK, self.window)
        return size + (self.window - 1) * (1 if self.stack.causal else 2), -(-self.n // size) * size

    def _summed(self, width: int) -> int | None:
        """Of a kernel whose keys and values are summed first; None where all pairs are fewer products (see ops.attend)."""
        a, n = self.a, self.n
        if n * n * 2 * width <= 2 * n * width * width:
            return None
        wide = width * (width + 1)                                                  # a column of ones sums the normaliser
        if self.stack is None or not self.stack.causal or n == 1:
            return n * wide * (a.groups + a.heads)
        size = min(KERNEL_CHUNK, n)
        filled = -(-n // size) * size
        return filled * (wide * (a.groups + a.heads) + size * a.heads * (2 * width + 1))

    def _bends(self, width: int) -> int:
        return self.a.heads * self.n * self.n * width if isinstance(self.a.score, Additive) else 0

    def _bytes(self, width: int) -> int:
        """Scores where they are written out; else the bias or the mask that a fused kernel is given."""
        a, pairs = self.a, self.n * self.n
        if isinstance(a.weights, Kernel) and self._summed(width) is not None:
            causal = self.stack is not None and self.stack.causal
            return a.heads * self.n * min(KERNEL_CHUNK, self.n) * NUMBER if causal else 0
        if isinstance(a.score, Additive):
            return a.heads * pairs * width * NUMBER
        fused = isinstance(a.score, Dot | ScaledDot) and isinstance(a.weights, Soft) and not isinstance(a.local, Predicted)
        if not fused or (self.stack is not None and isinstance(self.stack.position, Alibi | Buckets)):
            ordered = isinstance(a.weights, Sparsemax | Entmax)                     # a sort's places are larger than what it sorts
            return a.heads * pairs * (SLOT if ordered else NUMBER)
        if self._chunked:
            keys, queries = self._met()
            return queries * keys
        masked = a.local is not None or (self.window is not None and self.window < self.n)
        return pairs if masked or (self.stack is not None and any(self.stack.patterns)) else 0

    @property
    def _chunked(self) -> bool:
        """Whether a window is gone through in chunks (see nn.stack and ops.windowed)."""
        a = self.a
        usual = isinstance(a.score, Dot | ScaledDot) and isinstance(a.weights, Soft)
        bare = self.stack is not None and not isinstance(self.stack.position, Alibi | Buckets)
        return usual and bare and self.window is not None and self.n >= 4 * max(WINDOW_CHUNK, self.window)


def _cache(model: Model, n: int) -> int:
    column, dim = model.decoder, model.dim
    if column is None:
        return 0
    if isinstance(column, Stack):
        held = (*_of_layers(column, "self", model), *_of_layers(column, "cross", model))
        return NUMBER * sum(2 * a.groups * a.width(dim) * n for a in held)
    far = 0 if column.cross is None else 2 * column.cross.groups * column.cross.width(dim) * n
    state = PARTS[column.cell] * column.depth + column.feeding
    return NUMBER * (far + state * dim)
