"""Memory and Cache: what was computed before, owned by the caller and never by a module.

A model holds no state of a sequence, so two interleaved streams over one model cannot touch each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import InputError
from .heads import pool

KeyValue = tuple[Tensor, Tensor]
RUNS = count()                                           # an address is soon used again, a number is not


@dataclass(frozen=True, eq=False)
class Memory:
    """What an encoder made of its input. `hidden`: (b n m); `keep`: True on real places, None where all are; `summary`: what a recurrent
    encoder was left with at its ends; `places`: (b|1 n m), what keys gain for where they stand, where that is done in every layer."""

    hidden: Float[Tensor, "b n m"]
    keep: Bool[Tensor, "b n"] | None = None
    summary: Float[Tensor, "b s"] | None = None
    places: Float[Tensor, "_ n m"] | None = None

    def __len__(self) -> int:
        return len(self.hidden)

    def select(self, rows: Int[Tensor, " r"]) -> Memory:
        """Some of the rows."""
        keep, summary = (None if t is None else t[rows] for t in (self.keep, self.summary))
        places = self.places if self.places is None or len(self.places) == 1 else self.places[rows]
        return Memory(self.hidden[rows], keep, summary, places)

    def summed(self) -> Float[Tensor, "b s"]:
        """One vector for all of it: the summary, or the mean of the real places."""
        return pool(self.hidden, self.keep, "mean") if self.summary is None else self.summary


@runtime_checkable
class History(Protocol):
    """What came before, as attentions ask for it: a Cache, or sequences in pages (see paged.py)."""

    @property
    def length(self) -> int:
        """Slots so far."""
        ...

    @property
    def reorders(self) -> int:
        """How often its rows changed places."""
        ...

    @property
    def run(self) -> int:
        """A number of its own."""
        ...

    def extend(self, layer: int, k: Tensor, v: Tensor) -> KeyValue:
        """Write the keys and values of new tokens -> all of them so far."""
        ...

    def advance(self, n: int) -> None:
        """Say that all layers have written `n` more slots."""
        ...

    def far(self, layer: int) -> KeyValue | None:
        """Keys and values of the memory, where this layer has made them already."""
        ...

    def keep_far(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep the memory's keys and values."""
        ...


class Cache:
    """Keys and values of the tokens so far, a pair (b g n d) a layer, and those of the memory that cross-attention looks at.

    Room is taken ahead and doubled when full, so a step writes its own keys and copies nothing. All layers stand in one tensor,
    so beams that change places are one copy; or none, where a kernel reads each slot from the row that wrote it. Made for inference:
    torch refuses to go back through what was written over.
    `groups`: the most heads of keys that a layer has, where layers differ. `state`: what a recurrent decoder goes on from, (b r m), in
    place of keys and values of its own.
    """

    def __init__(self, depth: int, *, room: int = 32, groups: int = 1):
        self.length = self.reorders = 0
        self.run = next(RUNS)
        self._depth, self._room, self._groups = depth, room, groups
        self._near: _Block | None = None
        self._spare: _Block | None = None
        self._told = False                                                  # whether who reads it can be told which row wrote a slot
        self._writers: Int[Tensor, "b room"] | None = None                  # that row; None where it is each row's own
        self._far: list[KeyValue | None] = [None] * depth
        self.state: Float[Tensor, "b r m"] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held, room taken ahead included."""
        blocks = (block for block in (self._near, self._spare) if block)
        held = [*(block.tensor for block in blocks), *(t for pair in self._far if pair for t in pair)]
        return sum(t.nbytes for t in held) + (0 if self.state is None else self.state.nbytes)

    def extend(self, layer: int, k: Float[Tensor, "b g n d"], v: Float[Tensor, "b g n d"]) -> KeyValue:
        """Write the keys and values of new tokens after the old ones -> all of them so far, as views.

        `length` moves when the last layer has written (`advance`), so all layers of one step agree on it.
        """
        past, g, n = self.length, k.shape[1], k.shape[2]
        self._settle()
        near = self._near
        if near is None or near.room < past + n:
            near = self._near = self._grown(k, self._more(n))
        keys, values = near.layers[2 * layer], near.layers[2 * layer + 1]
        if g < keys.shape[1]:
            keys, values = keys[:, :g], values[:, :g]
        keys.narrow(2, past, n).copy_(k)
        values.narrow(2, past, n).copy_(v)
        return keys.narrow(2, 0, past + n), values.narrow(2, 0, past + n)

    def ahead(self, rows: int, groups: int, n: int, width: int, dtype: torch.dtype) -> Float[Tensor, "l b g n d"]:
        """Room for `n` more tokens in every layer -> the whole tensor, in which the newest stand from slot `length` on. It may have more
        rows than those of now, and `writers` says which of them has a slot."""
        near = self._near
        if near is None or near.room < self.length + n:
            self._settle()
            near = self._near = self._grown(torch.empty(rows, groups, 0, width, dtype=dtype), self._more(n))
        self._told = True
        return near.tensor

    @property
    def writers(self) -> Int[Tensor, "b room"] | None:
        """Which row of the tensor holds each slot of each row; None where it is the row itself."""
        return self._writers

    @property
    def written(self) -> Float[Tensor, "l b g n d"]:
        """Keys and values by turns, of all layers and of all tokens so far. Raises InputError where there are none."""
        self._settle()
        if self._near is None:
            raise InputError("nothing stands in this cache.", "Decode a prompt with it first.")
        return self._near.written(self.length)

    def advance(self, n: int) -> None:
        """Say that all layers have written `n` more tokens."""
        self.length += n

    def far(self, layer: int) -> KeyValue | None:
        """Keys and values of the memory, where this layer has made them already."""
        return self._far[layer]

    def keep_far(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep the memory's keys and values: they are the same at every step."""
        self._far[layer] = (k, v)

    def reorder(self, parents: Int[Tensor, " r"]) -> None:
        """Row i goes on from what row parents[i] had. Rows may be repeated or left out. The memory stays as it is."""
        self.reorders += 1
        self.state = None if self.state is None else self.state[parents]
        near = self._near
        if near is None:
            return
        if self._told and near.tensor.shape[1] // 2 < len(parents) <= near.tensor.shape[1]:
            writers = torch.arange(len(parents))[:, None].repeat(1, near.room)
            writers[:, : self.length] = parents[:, None] if self._writers is None else self._writers[parents, : self.length]
            self._writers = writers
            return
        self._settle()
        self._move(self._near or near, parents)

    def _settle(self) -> None:
        """Every slot into its own row."""
        near, writers = self._near, self._writers
        self._writers, self._told = None, False
        if near is not None and writers is not None:
            slots = torch.arange(self.length)
            own = _Block(near.tensor.new_empty(near.shape(len(writers))))
            own.written(self.length).copy_(near.tensor[:, writers[:, : self.length], :, slots].permute(2, 0, 3, 1, 4))
            self._near = own

    def _move(self, near: _Block, parents: Int[Tensor, " r"]) -> None:
        spare = self._spare
        if spare is None or spare.tensor.shape != near.shape(len(parents)) or near.tensor.requires_grad:
            spare = _Block(near.tensor.new_empty(near.shape(len(parents))))
        if near.tensor.requires_grad:                                       # someone decodes without no_grad: torch allows no out=
            spare.written(self.length).copy_(near.written(self.length).index_select(1, parents))
        else:
            torch.index_select(near.written(self.length), 1, parents, out=spare.written(self.length))
        self._near, self._spare = spare, near                               # two blocks in turns: no memory to ask for at each step

    def select_memory(self, rows: Int[Tensor, " r"]) -> None:
        """Keep only some rows of the memory (when some sentences of a batch are done)."""
        self._far = [pair and (pair[0][rows], pair[1][rows]) for pair in self._far]

    def trim(self, n: int) -> None:
        """Forget all but the first `n` tokens. Raises InputError for a recurrent state, which keeps no past to go back to."""
        if self.state is not None and n < self.length:
            raise InputError(f"a recurrent state cannot go back from {self.length} tokens to {n}.", "Begin again with a new cache.")
        self.length = min(self.length, n)
        if self._writers is not None:                                       # what is forgotten is written anew, each row its own
            self._writers[:, self.length :] = torch.arange(len(self._writers))[:, None]

    def _more(self, n: int) -> int:
        return max(self._room, 2 * (self.length + n) if self._near else n)

    def _grown(self, like: Tensor, room: int) -> _Block:
        b, g, _, d = like.shape
        grown = _Block(like.new_empty(2 * self._depth, b, max(g, self._groups), room, d))
        if self._near is not None:
            grown.written(self.length).copy_(self._near.written(self.length))
        return grown


class _Block:
    """The keys and values of all layers, (2·layers b g room d)."""

    def __init__(self, tensor: Tensor):
        self.tensor = tensor
        self.layers = tensor.unbind(0)
        self.room = tensor.shape[3]

    def written(self, length: int) -> Tensor:
        """The part before `length`."""
        return self.tensor.narrow(3, 0, length)

    def shape(self, rows: int) -> torch.Size:
        """What it would be with so many rows."""
        return torch.Size((self.tensor.shape[0], rows, *self.tensor.shape[2:]))
