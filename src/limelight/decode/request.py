"""Request: one answer that an engine has under way, with its rows in the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError
from ..nn import PagedSequence, PagePool
from ..spec import Stack
from .choices import Beam, Choice, Greedy
from .filters import Filter
from .search import SingleSearch, Top
from .stops import Ending


def width(choice: Choice) -> int:
    """The most rows that a choice has under way at once."""
    match choice:
        case Greedy():
            return 1
        case Beam(width=wide, nbest=nbest):
            return max(wide, nbest)
        case _:
            return choice.nbest


@dataclass(eq=False)
class Row:
    """One trail of an answer. `text`: all that is to be read; `read`: what is in the pool; `scores`: of the next token, once all is."""

    text: list[int]
    read: PagedSequence
    scores: Float[Tensor, " v"] | None = None
    top: Top | None = None                               # of those scores

    @property
    def left(self) -> list[int]:
        """What has not gone through the model yet, nor waits to."""
        return self.text[len(self.read.tokens) :]


@dataclass(eq=False)
class Request:
    """What was asked, and how far it has come. `rows` are there while it runs; `told`: the tokens that nothing can change any more."""

    number: int
    prompt: tuple[int, ...]
    choice: Choice
    ending: Ending
    filters: Sequence[Filter]
    rows: list[Row] = field(default_factory=list)
    told: tuple[int, ...] = ()
    cancelled: bool = False
    done: bool = False
    error: Exception | None = None
    index: int = 0                                       # tokens chosen so far in each trail

    def __post_init__(self) -> None:
        self.search = self.choice.begin(1, self.ending)

    @property
    def width(self) -> int:
        """Rows at most."""
        return width(self.choice)

    def most_pages(self, pool: PagePool, step: int) -> int:
        """Pages that it can come to hold where `step` tokens are read at once: all rows share the full pages of the prompt."""
        tokens, same = len(self.prompt) + self.ending.max_length - 1, len(self.prompt) // pool.page
        return min(same + self.width * (pool.needed(tokens) - same), self.width * pool.most(tokens, step))

    def start(self, pool: PagePool) -> None:
        """Begin to read, or begin again: what was said so far is read like a prompt."""
        said = [trail.tokens for trail in self.search.trails]
        self.rows = [Row([*self.prompt, *tokens], pool.begin()) for tokens in said]

    def stop(self) -> None:
        """Give all pages back."""
        for row in self.rows:
            row.read.release()
        self.rows = []

    def promised(self) -> int:
        """Pages that its rows will take for what they have yet to read."""
        return sum(row.read.needs(len(row.left)) for row in self.rows)

    @property
    def ready(self) -> bool:
        """Whether every row has its scores."""
        return bool(self.rows) and all(row.scores is not None for row in self.rows)

    def advance(self) -> None:
        """Choose the next tokens, as decode.stream does, and let the rows follow."""
        parents = self._plain()
        parents = self._chosen() if parents is None else parents
        self.index += 1
        self._follow(parents)
        self.told = self.search.fixed(0)
        self.done = not self.search.trails

    def _plain(self) -> list[int] | None:
        """One row and no filters: what was found for all rows of a pass at once is all that there is to know; None elsewhere."""
        (row, *others), search = self.rows, self.search
        if others or self.filters or self.width > 1 or not isinstance(search, SingleSearch) or row.top is None or row.scores is None:
            return None
        return search.follow([0], row.scores[None], [row.top])

    def _chosen(self) -> list[int]:
        scores = torch.stack([row.scores for row in self.rows if row.scores is not None])
        scores = scores.log_softmax(-1) if self.choice.logs else scores
        if self.filters:
            said = torch.tensor([row.text for row in self.rows], device=scores.device)
            for each in self.filters:
                scores = each(scores, said, self.index)
        return self.search.advance(scores)

    def _follow(self, parents: Sequence[int]) -> None:
        """Each trail goes on from its parent's row; the first that does has it, others share its pages."""
        if len(parents) == len(self.rows) == 1:
            (row,), (trail,) = self.rows, self.search.trails
            row.text.append(trail.tokens[-1])
            row.scores = row.top = None
            return
        before, self.rows = self.rows, []
        taken: set[int] = set()
        for parent, trail in zip(parents, self.search.trails, strict=True):
            row = before[parent]
            self.rows.append(Row([*row.text, trail.tokens[-1]], row.read.fork() if parent in taken else row.read))
            taken.add(parent)
        for i, row in enumerate(before):
            if i not in taken:
                row.read.release()


def check_fits(request: Request, spec: Stack, pool: PagePool, step: int) -> None:
    """Raises InputError for an empty prompt, for ids that the decoder does not know, and for what would not fit, with the numbers."""
    prompt, most, room, vocab = request.prompt, request.ending.max_length, spec.room, spec.tokens.vocab
    if not prompt:
        raise InputError("there is nothing to go on from: got a prompt of 0 tokens, wanted 1 at least.", "Begin with a start token.")
    if wrong := next((each for each in prompt if not 0 <= each < vocab), None):
        raise InputError(f"the model knows tokens 0 to {vocab - 1}: got {wrong}.", "Encode the prompt with the model's own tokenizer.")
    if room is not None and len(prompt) + most - 1 > room:
        raise InputError(
            f"a prompt of {len(prompt):,} tokens and an answer of {most:,} do not fit: the model has positions for {room:,}.",
            f"Give max_length={max(1, room - len(prompt) + 1)}, or a shorter prompt.",
        )
    if (wanted := request.most_pages(pool, step)) > pool.pages:
        raise InputError(
            f"a prompt of {len(prompt):,} tokens and {request.width} answer(s) of {most:,} may take {wanted:,} pages: "
            f"the pool has {pool.pages:,}.",
            "Give the engine more slots, or a lower max_length.",
        )
