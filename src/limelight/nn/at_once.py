"""At once: all layers of a stack in one native call, the fast twin of its modules on a CPU.

The same sums in another order (see native.stack), without padding where no cache asks for it. Modules whose output somebody takes or
changes by a hook run one by one, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import is_
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from .. import ops
from ..native.matrix import Matrix
from ..native.stack import Block, Column, Far, Flat, Heads, Norm, Store
from ..spec import Attention as AttentionSpec
from ..spec import Dot, ScaledDot, Soft
from .attention import Attention, Look, Sight, Turn
from .block import Block as Layer
from .cache import Cache, History, Memory
from .packed import Linear, Packed
from .paged import PagedCache
from .stores import newest, of_cache, of_pages, of_texts

if TYPE_CHECKING:
    from .stack import Stack

TOGETHER = 1024                          # tokens of whole texts that go through all layers together: what is between stays in the caches


@dataclass(frozen=True, eq=False)
class Given:
    """What a stack is asked. `nears`: makes what each layer may see of the sequence itself; `bias`, `turn`: the same for all of them;
    `keep`: (b past + n); `memory`: of an encoder, `far` being what may be seen of it."""

    x: Tensor
    nears: Callable[[], Sequence[Sight]]
    bias: Tensor | None
    turn: Turn | None
    keep: Tensor | None
    memory: Memory | None
    far: Sight | None
    cache: History | None

    @property
    def past(self) -> int:
        """Slots before those of x."""
        return self.cache.length if self.cache else 0


class AtOnce:
    """A stack's layers as one native column, for as long as its weights are what they were."""

    def __init__(self, stack: Stack):
        self._stack = stack
        inside = [module for part in (stack.blocks, stack.norm) for module in part.modules()]
        self._slots = [(each._parameters, name) for each in inside for name, value in each._parameters.items() if value is not None]
        self._hooks = [hooks for each in inside for hooks in (each._forward_hooks, each._forward_pre_hooks)]
        self._tensors = [slot[name] for slot, name in self._slots]
        self._state = self._now()
        self._attentions = [each for block in stack.layers for each in (block.attn, block.cross) if each is not None]
        self._groups = max(block.attn.groups for block in stack.layers)
        self._column: Column | None = None
        self._half = False

    @staticmethod
    def able(stack: Stack) -> bool:
        """Whether the native column knows all that a stack does, and its matrices are native ones."""
        s = stack.spec
        usual = _usual(s.attention) and (s.cross is None or _usual(s.cross))
        lost = any(each.part == "self" for each in s.pruned) and stack.has_bias
        maps = [each.packed for block in stack.blocks for each in block.modules() if isinstance(each, Linear)]
        joints = [block.attn.joint for block in stack.layers]
        return usual and not lost and all(each is not None and each.native for each in (*maps, *joints))

    def serves(self, given: Given) -> bool:
        """Whether nobody learns, hooks in or has changed a weight."""
        if torch.is_grad_enabled() or self._stack.training or any(map(len, self._hooks)) or self._now() != self._state:
            return False
        if isinstance(given.cache, PagedCache):                          # whose slots are each row's own: a bias would need its own too
            return given.bias is None and given.cache.pool.tensor.dtype in (torch.float32, torch.bfloat16)
        return given.cache is None or isinstance(given.cache, Cache)

    def __call__(self, given: Given) -> Tensor:
        """(b n m) -> (b n m), normed as the stack's end does."""
        if self._column is None:
            self._column = self._made()
        watched = any(each.eye is not None for each in self._attentions)
        if given.cache is None and not watched and given.keep is not None and (real := _runs(given.keep)) is not None:
            return self._packed(given, *real)
        b, n, m = given.x.shape
        x = given.x.reshape(b * n, m).float()
        first = torch.arange(0, (b + 1) * n, n) if n else torch.zeros(b + 1, dtype=torch.int64)
        if given.cache is None and not watched and b > 1:
            return self._in_turn(given, x, first).view(b, n, m).to(given.x.dtype)
        store, past = self._store(given, watched)
        keep = None if isinstance(given.cache, PagedCache) else _bytes(given.keep)
        self._run(given, Flat(x, first, past, store, keep=keep), None, store if watched else None)
        if given.cache is None and given.keep is not None:               # as where padding is left out
            x.masked_fill_(~given.keep.reshape(-1, 1), 0.0)
        return x.view(b, n, m).to(given.x.dtype)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()                                        # copies and pickles go without: their weights are others

    # --- texts without padding --------------------------------------------------------------------------------------
    def _packed(self, given: Given, real: Tensor, counts: Tensor) -> Tensor:
        b, n, m = given.x.shape
        first = torch.cat((counts.new_zeros(1), counts.cumsum(0)))
        x = given.x.reshape(b * n, m)[real].float()
        self._in_turn(given, x, first, real)
        out = given.x.new_zeros(b * n, m)
        out[real] = x.to(out.dtype)
        return out.view(b, n, m)

    def _in_turn(self, given: Given, x: Tensor, first: Tensor, real: Tensor | None = None) -> Tensor:
        """Whole texts, some after others."""
        ends, start = first.tolist(), 0
        keep = None if real is not None else _bytes(given.keep)
        while start < len(ends) - 1:
            stop = start + 1
            while stop < len(ends) - 1 and ends[stop + 1] - ends[start] <= TOGETHER:
                stop += 1
            rows = slice(ends[start], ends[stop])
            some = first[start : stop + 1] - ends[start]
            store = of_texts(some, 1, self._groups, self._stack.width, self._dtype)
            past = torch.zeros(stop - start, dtype=torch.int64)
            self._run(given, Flat(x[rows], some, past, store, keep=None if keep is None else keep[start:stop]), (start, rows, real), None)
            start = stop
        return x

    # --- one call ---------------------------------------------------------------------------------------------------
    def _run(self, given: Given, flat: Flat, part: tuple[int, slice, Tensor | None] | None, seen: Store | None) -> None:
        """Complete a call and make it. `part`: which text it begins with, its rows, and of what places they are."""
        begin = 0 if part is None else part[0]
        bias = None if given.bias is None else given.bias[0].float().contiguous()
        whole = Flat(flat.x, flat.first, flat.past, flat.store, _turned(given.turn, given.x.shape[:2], part), flat.keep, bias, given.past,
                     self._far(given, begin, len(flat.past)))  # fmt: skip
        asked = self._noted(len(flat.x) if seen is not None else 0)
        if self._column is not None:
            self._column(whole, asked=asked)
        if seen is not None:
            self._told(given, seen, asked, whole.far)

    def _far(self, given: Given, begin: int, count: int) -> Far | None:
        if given.memory is None:
            return None
        memory, each = given.memory, len(given.x) // len(given.memory)
        pairs = [self._kept(block, layer, memory, given.cache) for layer, block in enumerate(self._stack.layers)]
        return Far(pairs, torch.arange(begin, begin + count) // each, None if memory.keep is None else memory.keep.contiguous())

    def _kept(self, block: Layer, layer: int, memory: Memory, cache: History | None) -> tuple[Tensor, Tensor]:
        """Keys and values of a memory, in the kind that the kernel reads."""
        held = None if cache is None else cache.far(layer)
        if held is not None and held[0].dtype == self._dtype:
            return held
        if block.cross is None:
            raise TypeError("a layer that looks at a memory has a cross-attention")
        k, v = block.cross.keys_of(memory.hidden) if held is None else held
        pair = k.to(self._dtype), v.to(self._dtype)
        if pair[0].stride() != pair[1].stride() or pair[0].stride(-1) != 1:
            pair = pair[0].contiguous(), pair[1].contiguous()
        if cache is not None:
            cache.keep_far(layer, *pair)
        return pair

    def _store(self, given: Given, watched: bool) -> tuple[Store, Tensor]:
        """Where keys and values stand, and the slot of each row's first token."""
        b, n, _ = given.x.shape
        match given.cache:
            case Cache():
                return of_cache(given.cache, b, n, self._groups, self._stack.width, self._dtype)
            case PagedCache():
                return of_pages(given.cache)
        layers = len(self._stack.layers) if watched else 1
        return of_texts(torch.arange(b + 1) * n, layers, self._groups, self._stack.width, self._dtype), torch.zeros(b, dtype=torch.int64)

    # --- who looks --------------------------------------------------------------------------------------------------
    def _noted(self, tokens: int) -> tuple[list[Tensor | None], list[Tensor | None]]:
        """Room for queries of so many tokens, in each attention that somebody looks at."""

        def room(each: Attention | None) -> Tensor | None:
            return None if each is None or each.eye is None or not tokens else torch.empty(tokens, each.heads * self._stack.width)

        layers = self._stack.layers
        return [room(block.attn) for block in layers], [room(block.cross) for block in layers]

    def _told(self, given: Given, store: Store, asked: tuple[list[Tensor | None], list[Tensor | None]], far: Far | None) -> None:
        """Show each eye what the kernel was given."""
        nears, (b, n) = given.nears(), given.x.shape[:2]
        for layer, block in enumerate(self._stack.layers):
            if (q := asked[0][layer]) is not None:
                self._show(given, block.attn, q, newest(_kept(given.cache), store, layer, (b, block.attn.groups, n)), nears[layer])
            if block.cross is not None and (q := asked[1][layer]) is not None and far is not None and given.far is not None:
                self._show(given, block.cross, q, far.pairs[layer], given.far)

    def _show(self, given: Given, attention: Attention, q: Tensor, pair: tuple[Tensor, Tensor], sight: Sight) -> None:
        if (eye := attention.eye) is None:
            return
        b, n = given.x.shape[:2]
        asks = q.view(b, n, attention.heads, -1).transpose(1, 2)
        k, v = (each.float() for each in pair)
        how = {**attention.how(sight), "weigh": ops.softmax}
        cache = given.cache
        run, reorders = (None, 0) if cache is None else (cache.run, cache.reorders)
        eye.saw(Look(asks, k, v, given.past, reorders, sight is given.far, how, sight.window, run))

    # --- made once --------------------------------------------------------------------------------------------------
    @property
    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self._half else torch.float32

    def _now(self) -> tuple[object, ...]:
        """What changes with the weights: cheap, for it is asked at every step."""
        found = cast(list[Tensor], [slot[name] for slot, name in self._slots])
        same = all(map(is_, found, self._tensors))
        return same, [each.data_ptr() for each in found], [0 if each.is_inference() else each._version for each in found]

    def _made(self) -> Column:
        s, layers = self._stack.spec, self._stack.layers
        blocks = [_block(block, s.windows[i] if s.windows else s.attention.window, self._stack.width) for i, block in enumerate(layers)]
        self._half = blocks[0].up.kind != "float32"
        last = _norm(self._stack.norm)
        return Column(blocks, last, dim=layers[0].ff.down.out_features, causal=s.causal, pre=s.norm_at == "pre")


def _usual(a: AttentionSpec) -> bool:
    return isinstance(a.score, Dot | ScaledDot) and isinstance(a.weights, Soft) and a.local is None and set(a.maps) == set("qkvo")


def _block(block: Layer, window: int | None, width: int) -> Block:
    ff, cross = block.ff, block.cross
    norms = [_norm(add.norm) if add is not None else Norm() for add in (block.attn_add, block.cross_add, block.ff_add)]
    near = _heads(block.attn, _matrix(block.attn.joint), window, width)
    far = None if cross is None else _heads(cross, _matrix(_linear(cross.q)), None, width)
    gate = None if ff.gate is None else _matrix(ff.gate.packed)
    return Block(near, far, (norms[0], norms[1], norms[2]), _matrix(ff.up.packed), gate, _matrix(ff.down.packed), ff.spec.activation)


def _heads(a: Attention, into: Matrix, window: int | None, width: int) -> Heads:
    scale = a.spec.score.scale if isinstance(a.spec.score, ScaledDot) else 1.0
    scale = width**-0.5 if scale is None else scale
    return Heads(into, _matrix(_linear(a.o)), a.heads, a.groups, width, scale, window, _norm(a.q_norm), _norm(a.k_norm))


def _linear(module: nn.Module) -> Packed | None:
    return module.packed if isinstance(module, Linear) else None


def _matrix(packed: Packed | None) -> Matrix:
    if packed is None:
        raise TypeError("a stack that runs at once has packed matrices")
    return packed.matrix()


def _norm(module: nn.Module) -> Norm:
    match module:
        case nn.LayerNorm():
            return Norm("layer", _floats(module.weight), _floats(module.bias), module.eps)
        case nn.RMSNorm():
            return Norm("rms", _floats(module.weight), None, module.eps or torch.finfo(torch.float32).eps)
    return Norm()


def _floats(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else weight.detach().float().contiguous()


def _kept(cache: History | None) -> Cache | PagedCache | None:
    return cache if isinstance(cache, Cache | PagedCache) else None


def _runs(keep: Tensor) -> tuple[Tensor, Tensor] | None:
    """The places of real tokens in rows behind one another, and how many each row has; None where gaps are between them."""
    counts = keep.sum(1)
    n = keep.shape[1]
    begins, ends = keep.int().argmax(1), n - keep.flip(1).int().argmax(1)
    if not bool(((ends - begins == counts) | (counts == 0)).all()):
        return None
    return keep.flatten().nonzero()[:, 0], counts


def _bytes(keep: Tensor | None) -> Tensor | None:
    return None if keep is None else keep.contiguous()


def _turned(turn: Turn | None, shape: torch.Size, part: tuple[int, slice, Tensor | None] | None) -> tuple[Tensor, Tensor, bool] | None:
    """Cosines and sines token by token."""
    if turn is None:
        return None
    whole = [each.expand(shape[0], 1, -1, -1).reshape(shape[0] * shape[1], -1) for each in (turn.cos, turn.sin)]
    if part is not None:
        _, rows, real = part
        whole = [each[rows] if real is None else each[real[rows]] for each in whole]
    cos, sin = (each.float().contiguous() for each in whole)
    return cos, sin, turn.pairs
