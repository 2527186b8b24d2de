"""At once: all layers of a stack in one native call, the fast twin of its modules on a CPU.

The same sums in another order (see native.stack), without padding where no cache asks for it. Modules whose output somebody takes or
changes by a hook run one by one, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from operator import is_
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .. import ops
from ..native.matrix import ACTS, Matrix
from ..native.stack import Block, Column, Far, Flat, Heads, Norm, Store
from ..spec import Attention as AttentionSpec
from ..spec import Dot, ScaledDot, Soft
from .attention import Attention, Look, Sight, Turn
from .block import Block as Layer
from .cache import Cache, History, KeyValue, Memory
from .hooks import hooks_of
from .packed import Kind, Linear, Packed
from .paged_cache import Flat as Rows
from .paged_cache import PagedCache
from .stores import newest, of_cache, of_pages, of_texts

if TYPE_CHECKING:
    from .stack import Stack

MOST_SURE = 1 << 12                      # caches that are remembered as begun with these weights
TOGETHER = 1024                          # tokens of whole texts that go through all layers together: what is between stays in the caches


@dataclass(frozen=True, eq=False)
class Given:
    """What a stack is asked. `see`: makes what each layer may see of the sequence itself; `turn`: the same for all of them;
    `keep`: (b past + n); `memory`: of an encoder, `far` being what may be seen of it."""

    x: Tensor
    see: Callable[[], Sequence[Sight]]
    turn: Turn | None
    keep: Tensor | None
    memory: Memory | None
    far: Sight | None
    cache: History | None

    @property
    def past(self) -> int:
        """Slots before those of x."""
        return self.cache.length if self.cache else 0

    @cached_property
    def nears(self) -> Sequence[Sight]:
        """What each layer may see; masks of pairs are made only for who asks."""
        return self.see()


Noted = tuple[list[Tensor | None], list[Tensor | None]]


@dataclass(frozen=True, eq=False)
class Columns:
    """A stack for C++: whole, each layer alone, and the norm at its end."""

    whole: Column
    layers: Sequence[Column]
    last: Column


class AtOnce:
    """A stack's layers as one native column, for as long as its weights are what they were."""

    def __init__(self, stack: Stack, kind: Kind):
        """`kind`: of its products. The stack is one that `able` knows."""
        self._stack = stack
        inside = [module for part in (stack.blocks, stack.norm) for module in part.modules()]
        self._slots = [(each._parameters, name) for each in inside for name, value in each._parameters.items() if value is not None]
        self._hooks = hooks_of(inside)
        self._tensors = [slot[name] for slot, name in self._slots]
        self._state = self._now()
        self._layers = stack.layers
        self._attentions = [each for block in self._layers for each in (block.attn, block.cross) if each is not None]
        self._groups = max(block.attn.groups for block in self._layers)
        self._sure: set[int] = set()
        self._unhooked = -1
        self._bias: tuple[object, Tensor] | None = None
        self.dtype = torch.float32 if kind == "float32" else torch.bfloat16    # of keys and values that are kept

    @staticmethod
    def able(stack: Stack) -> bool:
        """Whether the native column knows all that a stack does, and its matrices are native ones."""
        s = stack.spec
        usual = _usual(s.attention) and (s.cross is None or _usual(s.cross)) and not (s.again or s.between) and s.ff.activation in ACTS
        usual = usual and not (any(s.patterns) or s.norm_attention or s.ff.normed)
        lost = any(each.part == "self" for each in s.pruned) and stack.has_bias
        maps = [each.packed for block in stack.blocks for each in block.modules() if isinstance(each, Linear)]
        joints = [block.attn.joint for block in stack.layers]
        return usual and not lost and all(each is not None and each.native for each in (*maps, *joints))

    def serves(self, given: Given) -> bool:
        """Whether nobody learns, hooks in or has changed a weight."""
        if torch.is_grad_enabled() or self._stack.training or self._hooked or not self._unchanged(given.cache):
            return False
        if given.memory is not None and given.memory.places is not None:
            return False
        if isinstance(given.cache, PagedCache):
            return _readable(given.cache)
        return given.cache is None or isinstance(given.cache, Cache)

    def reads(self, cache: PagedCache) -> bool:
        """Whether the new tokens of rows in pages can go through all layers without padding: nobody looks either, not even at the stack."""
        busy = torch.is_grad_enabled() or self._stack.training or self._looked_at
        return not (busy or any(hooks_of([self._stack])) or self._hooked) and self._unchanged(cache) and _readable(cache)

    def __call__(self, given: Given) -> Tensor:
        """(b n m) -> (b n m), normed as the stack's end does; zeros where there is padding and no cache."""
        if not given.x.is_contiguous():                              # the kernel reads rows: those of a convolution lie across
            given = replace(given, x=given.x.contiguous())
        far = self._far(given)
        if given.cache is not None:
            return self._step(given, far)
        return (self._watched if self._looked_at else self._texts)(given, far)

    def pages(self, x: Tensor, turn: Turn | None, flat: Rows, cache: PagedCache) -> Tensor:
        """(t 1 m), the new tokens of all rows of a cache -> (t m), normed as the stack's end does."""
        turns, bias = _turned(turn, x.shape[:2], None), self._biased(flat.longest)
        made = Flat(x[:, 0].float(), flat.first, flat.past, of_pages(cache), turns, bias=bias)
        self._columns.whole(made)
        return made.x.to(x.dtype)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()                                        # copies and pickles go without: their weights are others

    # --- three manners ----------------------------------------------------------------------------------------------
    def _step(self, given: Given, far: Far | None) -> Tensor:
        """Tokens that come after those of a cache, and are kept there."""
        b, n, m = given.x.shape
        x = given.x.reshape(b * n, m).float()
        if isinstance(given.cache, PagedCache):
            store, past, keep = of_pages(given.cache), torch.tensor([row.length for row in given.cache.rows]), None
        else:
            (store, past), keep = of_cache(cast(Cache, given.cache), b, n, self._groups, self._stack.width, self.dtype), given.keep
        flat = self._flat(given, Flat(x, torch.arange(0, b + 1) * n, past, store, far=far, keep=_bytes(keep)))
        if not self._looked_at:
            self._columns.whole(flat)
            return x.view(b, n, m).to(given.x.dtype)
        asked = self._noted(range(len(self._layers)), b * n)
        self._columns.whole(flat, asked=asked)
        for layer in range(len(self._layers)):
            self._tell(given, layer, asked, (layer, store), far)
        return x.view(b, n, m).to(given.x.dtype)

    def _watched(self, given: Given, far: Far | None) -> Tensor:
        """Whole texts layer by layer: what one layer's attention was given is gone when the next is asked, unless somebody keeps it."""
        b, n, m = given.x.shape
        x, first = given.x.reshape(b * n, m).float(), torch.arange(0, b + 1) * n
        past, keep = torch.zeros(b, dtype=torch.int64), _bytes(given.keep)

        def flat() -> Flat:                                          # each layer in a store of its own, which somebody may keep
            store = of_texts(first, self._groups, self._stack.width, self.dtype)
            return self._flat(given, Flat(x, first, past, store, keep=keep))

        for layer in range(len(self._layers)):
            self._one(given, flat(), layer, far)
        self._columns.last(flat())
        return _unpadded(x, given.keep).view(b, n, m).to(given.x.dtype)

    def _one(self, given: Given, flat: Flat, layer: int, far: Far | None) -> None:
        """One layer alone, shown to those who look at it. Nothing of it stays but its output, in `flat.x`."""
        asked = self._noted([layer], len(flat.x))
        there = None if far is None else replace(far, pairs=far.pairs[layer : layer + 1])
        self._columns.layers[layer](replace(flat, far=there), asked=asked)
        self._tell(given, layer, asked, (0, flat.store), far)

    def _texts(self, given: Given, far: Far | None) -> Tensor:
        """Whole texts without their padding, some after others, so that what is between layers stays in the caches."""
        b, n, m = given.x.shape
        places, counts = _runs(given.keep, b, n)
        whole, x = len(places) == b * n, given.x.reshape(b * n, m).float()
        x = x if whole else x[places]
        ends, keep, start = [0, *counts.cumsum(0).tolist()], _bytes(given.keep) if whole else None, 0
        while start < b:
            stop = start + 1
            while stop < b and ends[stop + 1] - ends[start] <= TOGETHER:
                stop += 1
            first, rows = torch.tensor(ends[start : stop + 1]) - ends[start], slice(ends[start], ends[stop])
            store, past = of_texts(first, self._groups, self._stack.width, self.dtype), torch.zeros(stop - start, dtype=torch.int64)
            near = None if keep is None else keep[start:stop]
            there = None if far is None else replace(far, rows=far.rows[start:stop])
            self._columns.whole(self._flat(given, Flat(x[rows], first, past, store, keep=near, far=there), places[rows]))
            start = stop
        out = x if whole else x.new_zeros(b * n, m).index_copy_(0, places, x)
        return _unpadded(out, given.keep).view(b, n, m).to(given.x.dtype)

    # --- parts of a call --------------------------------------------------------------------------------------------
    def _flat(self, given: Given, flat: Flat, places: Tensor | None = None) -> Flat:
        """With what is the same for all layers. `places`: which of the tokens these are; None for all."""
        bias = self._biased(given.past + given.x.shape[1])
        return replace(flat, turns=_turned(given.turn, given.x.shape[:2], places), bias=bias)

    def _biased(self, reach: int) -> Tensor | None:
        """What scores gain by distance, of this reach at least: made anew only where it is too short or was learned anew."""
        if not self._stack.has_bias:
            return None
        weight = None if self._stack.distance is None else self._stack.distance.weight
        mark = None if weight is None else (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
        if self._bias is None or self._bias[0] != mark or self._bias[1].shape[1] < 2 * reach - 1:
            table = cast(Tensor, self._stack.by_distance(1 << max(6, (reach - 1).bit_length())))
            self._bias = mark, table.float().contiguous()
        return self._bias[1]

    def _far(self, given: Given) -> Far | None:
        """The memory's keys and values, in the kind that the kernel reads: made once where there is a cache."""
        if given.memory is None:
            return None
        memory, each = given.memory, len(given.x) // len(given.memory)
        pairs = [self._pair(block, layer, memory, given.cache) for layer, block in enumerate(self._layers)]
        return Far(pairs, torch.arange(len(given.x)) // each, _bytes(memory.keep))

    def _pair(self, block: Layer, layer: int, memory: Memory, cache: History | None) -> KeyValue:
        held = None if cache is None else cache.far(layer)
        if held is not None and self._reads(*held):
            return held
        if block.cross is None:
            raise TypeError("a layer that looks at a memory has a cross-attention")
        k, v = (each.to(self.dtype) for each in (block.cross.keys_of(memory.hidden) if held is None else held))
        if not self._reads(k, v):
            k, v = k.contiguous(), v.contiguous()
        if cache is not None:
            cache.keep_far(layer, k, v)
        return k, v

    def _reads(self, k: Tensor, v: Tensor) -> bool:
        """Whether the kernel can read them: modules may have kept others in the cache."""
        return k.dtype == v.dtype == self.dtype and k.stride() == v.stride() and k.stride(-1) == 1

    # --- who looks --------------------------------------------------------------------------------------------------
    @property
    def _looked_at(self) -> bool:
        return any(each.eye is not None for each in self._attentions)

    def _noted(self, layers: Sequence[int], tokens: int) -> Noted:
        """Room for the queries of so many tokens, in each attention that somebody looks at."""

        def room(each: Attention | None) -> Tensor | None:
            return None if each is None or each.eye is None else torch.empty(tokens, each.heads * self._stack.width)

        blocks = [self._layers[layer] for layer in layers]
        return [room(block.attn) for block in blocks], [room(block.cross) for block in blocks]

    def _tell(self, given: Given, layer: int, asked: Noted, stood: tuple[int, Store], far: Far | None) -> None:
        """Show the eyes of a layer what the kernel was given. `stood`: which layer of the call it was, and where keys and values stand."""
        block, at = self._layers[layer], stood[0]
        b, n = given.x.shape[:2]
        if (q := asked[0][at]) is not None:
            pair = newest(given.cache, stood[1], at, (b, block.attn.groups, n))
            self._show(given, block.attn, q, pair, given.nears[layer])
        if block.cross is not None and (q := asked[1][at]) is not None and far is not None and given.far is not None:
            self._show(given, block.cross, q, far.pairs[layer], given.far)

    def _show(self, given: Given, attention: Attention, q: Tensor, pair: KeyValue, sight: Sight) -> None:
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
    def _hooked(self) -> bool:
        """Whether somebody hooked into a module. Each hook that is set takes the next number: as long as none was taken, none was set."""
        number = RemovableHandle.next_id
        if number != self._unhooked:
            if any(self._hooks):
                return True
            self._unhooked = number
        return False

    def _unchanged(self, cache: History | None) -> bool:
        """Whether the weights are what they were. Once for each cache: what is in it would be as wrong as the matrices."""
        if cache is not None and cache.run in self._sure:
            return True
        same = self._now() == self._state
        if same and cache is not None:
            if len(self._sure) > MOST_SURE:
                self._sure.clear()
            self._sure.add(cache.run)
        return same

    def _now(self) -> tuple[object, ...]:
        """What changes with the weights."""
        found = cast(list[Tensor], [slot[name] for slot, name in self._slots])
        same = all(map(is_, found, self._tensors))
        return same, [each.data_ptr() for each in found], [0 if each.is_inference() else each._version for each in found]

    @cached_property
    def _columns(self) -> Columns:
        s, layers = self._stack.spec, self._layers
        blocks = [_block(block, s.windows[i] if s.windows else s.attention.window, self._stack.width) for i, block in enumerate(layers)]
        made = partial(Column, dim=layers[0].ff.down.out_features, causal=s.causal, pre=s.norm_at == "pre")
        last = _norm(self._stack.norm)
        return Columns(made(blocks, last), [made([block], Norm()) for block in blocks], made([], last))


def _readable(cache: PagedCache) -> bool:
    return cache.pool.tensor.device.type == "cpu" and cache.pool.tensor.dtype in (torch.float32, torch.bfloat16)


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


def _runs(keep: Tensor | None, rows: int, slots: int) -> tuple[Tensor, Tensor]:
    """The places of tokens that are read, rows behind one another, and how many each row has: all where gaps are between real ones."""
    everywhere = torch.arange(rows * slots), torch.full((rows,), slots)
    if keep is None:
        return everywhere
    counts = keep.sum(1)
    begins, ends = keep.int().argmax(1), slots - keep.flip(1).int().argmax(1)
    whole = bool(((ends - begins == counts) | (counts == 0)).all())
    return (keep.flatten().nonzero()[:, 0], counts) if whole else everywhere


def _unpadded(x: Tensor, keep: Tensor | None) -> Tensor:
    return x if keep is None else x.masked_fill_(~keep.reshape(-1, 1), 0.0)


def _bytes(keep: Tensor | None) -> Tensor | None:
    return None if keep is None else keep.contiguous()


def _turned(turn: Turn | None, shape: torch.Size, places: Tensor | None) -> tuple[Tensor, Tensor, bool] | None:
    """Cosines and sines token by token."""
    if turn is None:
        return None
    whole = [each.expand(shape[0], 1, -1, -1).reshape(shape[0] * shape[1], -1) for each in (turn.cos, turn.sin)]
    cos, sin = (each.float().contiguous() if places is None else each[places].float() for each in whole)
    return cos, sin, turn.pairs
