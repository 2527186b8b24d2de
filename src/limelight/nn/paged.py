"""Keys and values in pages: sequences of any length share one pool, and the beginnings that they have in common (Kwon et al. 2023,
section 4).

    pool = PagePool.of(model.decoder, pages=512)
    row = pool.begin();  row.append(prompt)
    rows = PagedCache([row, ...])                                     # plays the part of a Cache
    hidden = model.decode(rows.tokens, keep=rows.keep, cache=rows)
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..errors import InputError
from .cache import RUNS, KeyValue

if TYPE_CHECKING:
    from .stack import Stack

PAGE = 16
EMPTY = 0                                                # the page where no sequence writes: padding points there, and finds zeros


class PagePool:
    """Pages of keys and values, counted by how many sequences hold each.

    `tensor`: (pages 2·layers g P d), a layer's keys and then its values; slot t of a sequence stands in its page t // P at t % P. A full
    page is known by its tokens and all before them, and stays known when nobody holds it until its room is needed.
    """

    def __init__(self, tensor: Float[Tensor, "pages kv g p d"]):
        if len(tensor) < 2:
            raise InputError(f"a pool needs 2 pages at least, of which one stays empty: got {len(tensor)}.", "Give it more pages.")
        self.tensor, self.page = tensor, tensor.shape[3]
        self._held = [0] * len(tensor)
        self._unused = list(range(len(tensor) - 1, EMPTY, -1))
        self._known: dict[bytes, int] = {}
        self._names: dict[int, bytes] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()   # known, and held by nobody; the longest idle first

    @classmethod
    def of(cls, stack: Stack, *, pages: int, page: int = PAGE, dtype: torch.dtype | None = None) -> PagePool:
        """A pool for a decoder, where it is and in its number format unless told otherwise."""
        like = stack.embed.table.weight
        groups = max(block.attn.groups for block in stack.layers)
        shape = (pages, 2 * len(stack.layers), groups, page, stack.width)
        return cls(torch.zeros(shape, dtype=dtype or like.dtype, device=like.device))

    @property
    def pages(self) -> int:
        """How many pages sequences may have together."""
        return len(self._held) - 1

    @property
    def free(self) -> int:
        """How many of them can be had now."""
        return len(self._unused) + len(self._idle)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole pool."""
        return self.tensor.nbytes

    def begin(self) -> PagedSequence:
        """An empty sequence."""
        return PagedSequence(self)

    def needed(self, tokens: int) -> int:
        """Pages for so many tokens."""
        return -(-tokens // self.page)

    def check(self, wanted: int) -> None:
        """Raises InputError where fewer pages than wanted are free."""
        if wanted > self.free:
            raise InputError(
                f"the pool of {self.pages:,} pages ({self.page} tokens each) is full: got {self.free} free, wanted {wanted}.",
                "Release a sequence, or make a pool of more pages.",
            )

    # --- what sequences ask for -------------------------------------------------------------------------------------
    def take(self) -> int:
        """A page to write on. Raises InputError where all are held."""
        self.check(1)
        if self._unused:
            page = self._unused.pop()
        else:
            page, _ = self._idle.popitem(last=False)
            self._forget(page)
        self._held[page] = 1
        return page

    def hold(self, page: int) -> int:
        """The same page, held once more."""
        self._idle.pop(page, None)
        self._held[page] += 1
        return page

    def drop(self, page: int) -> None:
        """Held once less."""
        self._held[page] -= 1
        if self._held[page]:
            return
        if page in self._names:
            self._idle[page] = None
        else:
            self._unused.append(page)

    def shared(self, page: int) -> bool:
        """Whether several hold it."""
        return self._held[page] > 1

    def own(self, page: int) -> int:
        """A page with the same content that its holder alone may write on: a copy where it is shared."""
        if not self.shared(page):
            self._forget(page)
            return page
        mine = self.take()
        self.tensor[mine].copy_(self.tensor[page])
        self.drop(page)
        return mine

    def find(self, name: bytes) -> int | None:
        """The page known by a name."""
        return self._known.get(name)

    def know(self, name: bytes, page: int) -> None:
        """Keep a full page known by its name, unless another is."""
        if name not in self._known and page not in self._names:
            self._known[name], self._names[page] = page, name

    def _forget(self, page: int) -> None:
        name = self._names.pop(page, None)
        if name is not None:
            del self._known[name]


class PagedSequence:
    """One sequence. `tokens`: all that it was given, of which the first `length` have their keys and values in `pages`."""

    def __init__(self, pool: PagePool):
        self.pool = pool
        self.tokens: list[int] = []
        self.pages: list[int] = []
        self.length = 0
        self._names: list[bytes] = []

    @property
    def fresh(self) -> int:
        """Tokens that wait for their keys and values."""
        return len(self.tokens) - self.length

    @property
    def named(self) -> Sequence[bytes]:
        """The names of its full pages, also of those that wait."""
        return self._names

    def needs(self, n: int) -> int:
        """Pages that `n` more tokens would take, with the copy of a page that is shared and not full."""
        size = len(self.tokens)
        copied = n > 0 and size % self.pool.page and self.pool.shared(self.pages[-1])
        return self.pool.needed(size + n) - len(self.pages) + bool(copied)

    def append(self, ids: Sequence[int]) -> None:
        """More tokens, and room for them. Raises InputError where the pool has too few pages; nothing has changed then."""
        self.pool.check(self.needs(len(ids)))
        if ids and len(self.tokens) % self.pool.page:
            self.pages[-1] = self.pool.own(self.pages[-1])
        self.tokens += ids
        self.pages += [self.pool.take() for _ in range(self.pool.needed(len(self.tokens)) - len(self.pages))]
        while len(self._names) < len(self.tokens) // self.pool.page:
            at = len(self._names) * self.pool.page
            self._names.append(self._name(self.tokens[at : at + self.pool.page]))

    def share(self, coming: Sequence[int]) -> int:
        """Take over known pages for the tokens to come -> how many of them are there now. One at least is left to be read."""
        done = 0
        while (name := self.next_name(coming[done:])) is not None and (page := self.pool.find(name)) is not None:
            self.pages.append(self.pool.hold(page))
            self._names.append(name)
            self.tokens += coming[done : done + self.pool.page]
            self.length = len(self.tokens)
            done += self.pool.page
        return done

    def next_name(self, coming: Sequence[int]) -> bytes | None:
        """The name of the next page that could be shared, where the tokens to come fill it and go on."""
        size = self.pool.page
        begins = self.length == len(self.tokens) and not self.length % size
        return self._name(coming[:size]) if begins and len(coming) > size else None

    def advance(self, n: int) -> None:
        """Say that the next `n` tokens have their keys and values; pages that are full become known."""
        before = self.length // self.pool.page
        self.length += n
        for i in range(before, self.length // self.pool.page):
            self.pool.know(self._names[i], self.pages[i])

    def trim(self, n: int) -> None:
        """Forget all but the first `n` tokens."""
        kept = self.pool.needed(n)
        for page in reversed(self.pages[kept:]):
            self.pool.drop(page)
        del self.pages[kept:], self.tokens[n:], self._names[n // self.pool.page :]
        self.length = min(self.length, n)

    def fork(self) -> PagedSequence:
        """Another sequence that goes on from here. Pages are shared until one of them writes."""
        other = PagedSequence(self.pool)
        other.tokens, other.length, other._names = list(self.tokens), self.length, list(self._names)
        other.pages = [self.pool.hold(page) for page in self.pages]
        return other

    def release(self) -> None:
        """Give back all pages. The last goes first: a beginning is of use without its end, but not the reverse."""
        self.trim(0)

    def _name(self, tokens: Sequence[int]) -> bytes:
        """What a page is known by: its tokens, and the name of the page before."""
        before = self._names[-1] if self._names else b""
        return blake2b(before + array("q", tokens).tobytes(), digest_size=16).digest()


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the slots of one pass stand: `first` numbers the vectors of the first layer's first head of keys, rows that are shorter
    beginning with places in the empty page."""

    past: int
    first: Int[Tensor, "b n"]
    keep: Bool[Tensor, "b n"] | None


class PagedCache:
    """Some sequences as the rows of a batch: a plain twin that gathers their pages, shorter rows padded on the left.

    All rows must have as many fresh tokens. A native kernel reads the pages in place instead: `tables`, and the pool's strides, tell it
    where. It may be kept while its rows stay the same, so that a trace can tell that one sequence goes on.
    """

    reorders = 0

    def __init__(self, rows: Sequence[PagedSequence]):
        self.rows, self.pool = tuple(rows), rows[0].pool
        self.run = next(RUNS)
        self._places: _Places | None = None

    @property
    def length(self) -> int:
        """Slots before those of this pass."""
        return max(len(row.tokens) for row in self.rows) - self.fresh if self._places is None else self._places.past

    @property
    def fresh(self) -> int:
        """New tokens of each row. Raises InputError where rows have different numbers of them."""
        found = {row.fresh for row in self.rows}
        if len(found) > 1:
            raise InputError(f"rows of one pass need as many new tokens each: got {sorted(found)}.", "Pass them in several groups.")
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

    def tables(self) -> Int[Tensor, "b t"]:
        """The pages of each row, filled up with the empty one."""
        most = max(len(row.pages) for row in self.rows)
        return torch.tensor([row.pages + [EMPTY] * (most - len(row.pages)) for row in self.rows], device=self.pool.tensor.device)

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
            row.advance(n)
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
        pages = self.tables().gather(1, slots // size)
        even = min(sizes) == longest
        pages = pages if even else pages.masked_fill(~keep, EMPTY)
        vectors = self.pool.tensor[0].numel() // self.pool.tensor.shape[4]                            # of a page
        return _Places(longest - self.fresh, pages * vectors + slots % size, None if even else keep)
