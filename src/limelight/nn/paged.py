"""Keys and values in pages: sequences of any length share one pool, and the beginnings that they have in common (Kwon et al. 2023,
section 4).

    pool = PagePool.of(model.decoder, pages=512)
    row = pool.begin();  row.append(prompt)
    rows = PagedCache([row, ...])                                     # plays the part of a Cache
    hidden = model.go_on(rows)                                        # of the last token of each
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError

if TYPE_CHECKING:
    from .stack import Stack

PAGE = 16
EMPTY = 0                                                # the page where no sequence writes: what is not there points to it, and is zeros


class PagePool:
    """Pages of keys and values, counted by how many sequences hold each.

    `tensor`: (pages 2·layers g P d), a layer's keys and then its values; slot t of a sequence stands in its page t // P at t % P. A full
    page is known by its tokens and all before them, and stays known when nobody holds it until its room is needed. `window`: how near
    a key must be to be seen by any layer; None where one sees all.
    """

    def __init__(self, tensor: Float[Tensor, "pages kv g p d"], *, window: int | None = None):
        if len(tensor) < 2:
            raise InputError(f"a pool needs 2 pages at least, of which one stays empty: got {len(tensor)}.", "Give it more pages.")
        self.tensor, self.page, self.window = tensor, tensor.shape[3], window
        self._held = [0] * len(tensor)
        self._unused = list(range(len(tensor) - 1, EMPTY, -1))
        self._known: dict[bytes, int] = {}
        self._names: dict[int, bytes] = {}
        self._idle: OrderedDict[int, None] = OrderedDict()   # known, and held by nobody; the longest idle first

    @classmethod
    def of(cls, stack: Stack, *, pages: int, page: int = PAGE, dtype: torch.dtype | None = None) -> PagePool:
        """A pool for a decoder, where it is and in the number format of its caches unless told otherwise."""
        like, s = stack.embed.table.weight, stack.spec
        groups = max(block.attn.groups for block in stack.layers)
        shape = (pages, 2 * len(stack.layers), groups, page, stack.width)
        windows = [each for each in s.windows or (s.attention.window,) if each is not None]
        window = max(windows) if len(windows) == len(s.windows or (None,)) else None
        return cls(torch.zeros(shape, dtype=dtype or stack.cached, device=like.device), window=window)

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

    def most(self, tokens: int, step: int) -> int:
        """Pages that a sequence of so many tokens holds at once, read `step` at a time: what is behind every window is given back."""
        whole = self.needed(tokens)
        return whole if self.window is None else min(whole, self.needed(self.window + step) + 1)

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
    """One sequence. `tokens`: all that it was given, of which the first `length` have their keys and values in `pages`. Pages that no layer
    can see any more are given back, and the empty one stands in their place.

    `turns`: how often its pages have changed.
    """

    def __init__(self, pool: PagePool):
        self.pool = pool
        self.tokens: list[int] = []
        self.pages: list[int] = []
        self.length = self.turns = 0
        self._names: list[bytes] = []
        self._behind = 0                                 # pages that were given back

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
        if (wanted := self.needs(len(ids))) > 0:
            self.pool.check(wanted)
        if ids and len(self.tokens) % self.pool.page:
            last, self.pages[-1] = self.pages[-1], self.pool.own(self.pages[-1])
            self.turns += last != self.pages[-1]
        self.tokens += ids
        if wanted := self.pool.needed(len(self.tokens)) - len(self.pages):
            self.pages += [self.pool.take() for _ in range(wanted)]
            self.turns += 1
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
        if done:
            self.turns += 1
            self._leave_behind()
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
        if self.length // self.pool.page > before:
            self._leave_behind()

    def trim(self, n: int) -> None:
        """Forget all but the first `n` tokens. Raises InputError where what they would see was given back."""
        kept = self.pool.needed(n)
        if n and self._unseen(n) < self._behind:
            raise InputError(f"keys behind the window are gone: cannot go back from {self.length:,} tokens to {n:,}.", "Begin again.")
        for page in reversed(self.pages[max(kept, self._behind) :]):
            self.pool.drop(page)
        self.turns += len(self.pages) > kept
        del self.pages[kept:], self.tokens[n:], self._names[n // self.pool.page :]
        self.length, self._behind = min(self.length, n), min(self._behind, kept)

    def fork(self) -> PagedSequence:
        """Another sequence that goes on from here. Pages are shared until one of them writes."""
        other = PagedSequence(self.pool)
        other.tokens, other.length, other._names = list(self.tokens), self.length, list(self._names)
        other.pages, other._behind = list(self.pages), self._behind
        for page in other.pages[other._behind :]:
            self.pool.hold(page)
        return other

    def release(self) -> None:
        """Give back all pages. The last goes first: a beginning is of use without its end, but not the reverse."""
        self.trim(0)

    def _leave_behind(self) -> None:
        """Give back the pages that no token to come can see."""
        unseen = self._unseen(self.length)
        for i in range(self._behind, unseen):
            self.pool.drop(self.pages[i])
            self.pages[i] = EMPTY
        if unseen > self._behind:
            self._behind, self.turns = unseen, self.turns + 1

    def _unseen(self, slot: int) -> int:
        """How many pages at its beginning stand behind the window of the token in a slot."""
        return 0 if self.pool.window is None else max(0, slot - self.pool.window + 1) // self.pool.page

    def _name(self, tokens: Sequence[int]) -> bytes:
        """What a page is known by: its tokens, and the name of the page before."""
        before = self._names[-1] if self._names else b""
        return blake2b(before + array("q", tokens).tobytes(), digest_size=16).digest()
