"""Sequences in pages as the rows of a batch: what a model reads next of them, and where their keys and values stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import InputError
from .cache import RUNS, KeyValue
from .paged import EMPTY, PagedSequence


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the slots of one pass stand: `first` numbers the vectors of the first layer's first head of keys, rows that are shorter
    beginning with places in the empty page."""

    past: int
    first: Int[Tensor, "b n"]
    keep: Bool[Tensor, "b n"] | None


@dataclass(frozen=True, eq=False)
class Flat:
    """The new tokens of some rows behind one another, each in a slot of its own row. `ends`: how long its row is; `first`: where each row
    begins, and where the last ends; `past`: the slot of each one's first token."""

    tokens: Int[Tensor, "t 1"]
    at: Int[Tensor, "t 1"]
    ends: Int[Tensor, "t 1"]
    first: Int[Tensor, " b1"]
    past: Int[Tensor, " b"]
    longest: int


class PagedCache:
    """Some sequences as the rows of a batch: a plain twin that gathers their pages, shorter rows padded on the left.

    A native kernel reads the pages in place instead: `tables`, and the pool's strides, tell it where. It may be kept while its rows stay
    the same, so that a trace can tell that one sequence goes on.
    """

    reorders = 0

    def __init__(self, rows: Sequence[PagedSequence]):
        self.rows, self.pool = tuple(rows), rows[0].pool
        self.run = next(RUNS)
        self._places: _Places | None = None
        self._tables: Int[Tensor, "b t"] | None = None
        self._turns = [-1] * len(self.rows)

    @property
    def length(self) -> int:
        """Slots before those of this pass."""
        return max(row.length for row in self.rows) if self._places is None else self._places.past

    @property
    def fresh(self) -> int:
        """New tokens of each row. Raises InputError where rows have different numbers of them."""
        found = {row.fresh for row in self.rows}
        if len(found) > 1:
            raise InputError(f"rows of one pass need as many new tokens each: got {sorted(found)}.", "Read them with model.go_on.")
        return found.pop()

    @property
    def tokens(self) -> Int[Tensor, "b n"]:
        """The new tokens. Raises InputError where rows have different numbers of them."""
        n = self.fresh
        return torch.tensor([row.tokens[len(row.tokens) - n :] for row in self.rows], device=self.pool.tensor.device)

    @property
    def keep(self) -> Bool[Tensor, "b n"] | None:
        """Which slots are real; None where all are."""
        return self._placed().keep

    def flat(self) -> Flat:
        """The new tokens without any padding."""
        rows, counts = self.rows, [row.fresh for row in self.rows]
        tokens = [token for row in rows for token in row.tokens[row.length :]]
        at = [slot for row in rows for slot in range(row.length, len(row.tokens))]
        ends = [len(row.tokens) for row, n in zip(rows, counts, strict=True) for _ in range(n)]
        columns = torch.tensor([tokens, at, ends])[:, :, None]
        first, past = torch.tensor([0, *accumulate(counts)]), torch.tensor([row.length for row in rows])
        return Flat(columns[0], columns[1], columns[2], first, past, max(ends))

    def even(self) -> list[tuple[list[int], PagedCache]]:
        """Itself, or where rows have different numbers of new tokens, those with as many each: which rows, and their cache."""
        found: dict[int, list[int]] = {}
        for i, row in enumerate(self.rows):
            found.setdefault(row.fresh, []).append(i)
        if len(found) == 1:
            return [(list(range(len(self.rows))), self)]
        return [(places, PagedCache([self.rows[i] for i in places])) for places in found.values()]

    def tables(self) -> Int[Tensor, "b t"]:
        """The pages of each row, filled up with the empty one; the same tensor as long as there is room in it."""
        most = max(len(row.pages) for row in self.rows)
        if self._tables is None or self._tables.shape[1] < most:
            self._tables, self._turns = torch.full((len(self.rows), most + most // 4 + 4), EMPTY), [-1] * len(self.rows)
        for i, row in enumerate(self.rows):
            if self._turns[i] != row.turns:
                self._tables[i, : len(row.pages)] = torch.tensor(row.pages)
                self._tables[i, len(row.pages) :] = EMPTY
                self._turns[i] = row.turns
        return self._tables

    def extend(self, layer: int, k: Float[Tensor, "b g n d"], v: Float[Tensor, "b g n d"]) -> KeyValue:
        """See Cache; what comes back is a copy."""
        vectors, where = self._vectors(layer, k.shape[1])
        vectors.index_copy_(0, where[..., self._placed().past :].flatten(), torch.stack((k, v)).view(-1, k.shape[3]).to(vectors.dtype))
        keys, values = vectors.index_select(0, where.flatten()).view(*where.shape, -1).to(k.dtype).unbind(0)
        return keys, values

    def newest(self, layer: int, groups: int) -> KeyValue:
        """The keys and values that stand in the slots of this pass, (b g n d) each: a copy."""
        vectors, where = self._vectors(layer, groups)
        where = where[..., self._placed().past :]
        keys, values = vectors.index_select(0, where.flatten()).view(*where.shape, -1).unbind(0)
        return keys, values

    def _vectors(self, layer: int, heads: int) -> tuple[Float[Tensor, "v d"], Int[Tensor, "2 b g n"]]:
        """All vectors of the pool, and which are those of a layer."""
        _, _, groups, size, d = self.pool.tensor.shape
        device = self.pool.tensor.device
        parts = torch.arange(2 * layer, 2 * layer + 2, device=device)[:, None] * groups * size + torch.arange(heads, device=device) * size
        return self.pool.tensor.view(-1, d), self._placed().first[None, :, None] + parts[:, None, :, None]

    def advance(self, n: int) -> None:
        """See Cache."""
        for row in self.rows:
            row.advance(min(n, row.fresh))
        self._places = None

    def far(self, layer: int) -> None:
        """There is no memory: pages hold what a decoder alone has read."""
        del layer

    def keep_far(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Raises InputError: see far."""
        del layer, k, v
        raise InputError("pages hold no memory of an encoder: got one to keep.", "Decode with a Cache.")

    def _placed(self) -> _Places:
        if self._places is None:
            self._places = self._place()
        return self._places

    def _place(self) -> _Places:
        sizes = [len(row.tokens) for row in self.rows]
        longest, size, device = max(sizes), self.pool.page, self.pool.tensor.device
        slots = torch.arange(longest, device=device) - torch.tensor([longest - n for n in sizes], device=device)[:, None]   # (b n)
        keep = slots >= 0
        slots = slots.clamp(min=0)
        pages = self.tables().to(device).gather(1, slots // size)
        even = min(sizes) == longest
        pages = pages if even else pages.masked_fill(~keep, EMPTY)
        vectors = self.pool.tensor[0].numel() // self.pool.tensor.shape[4]                            # of a page
        return _Places(longest - self.fresh, pages * vectors + slots % size, None if even else keep)
