"""The one generation loop: forward, filter, choose, follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import InputError
from ..inputs.batch import Batch
from ..nn import Memory, Network
from .choices import Choice
from .drafts import Tally
from .filters import Filter
from .search import Search
from .still import StillRun, still_serves
from .stops import Ending
from .trails import Hypothesis

Start = int | Int[Tensor, "b n"]


@dataclass(frozen=True)
class Step:
    """The state after a step. `index`: tokens chosen so far in each trail; `search`: the trails and what is done, which move on
    with the next step; `tally`: how drafting went so far, where tokens are drafted (see speculative.py)."""

    index: int
    search: Search
    tally: Tally | None = None

    def fixed(self, source: int) -> tuple[int, ...]:
        """Tokens of the first answer to row `source` that can no longer change."""
        return self.search.fixed(source)

    @property
    def done(self) -> list[list[Hypothesis]]:
        """Whole answers to each row so far, best first."""
        return self.search.done


@dataclass(frozen=True, eq=False)
class Guide:
    """What is said of other sources too, a row for each, weighs against what is said of the sources themselves: scores are
    `away` + weight * (scores - `away`) (Ho and Salimans 2022, equation 6, for tokens). With a weight of 1 nothing changes."""

    away: Batch | Memory
    weight: float


def stream(
    model: Network,
    batch: Batch | Memory,
    choice: Choice,
    *,
    ending: Ending,
    start: Start = 0,
    filters: Sequence[Filter] = (),
    guide: Guide | None = None,
) -> Iterator[Step]:
    """Generate, a step at a time.

    With an encoder, `batch` holds the sources, or what the encoder made of them, and every answer begins after the token `start`, or each
    after its own row of it (b n); without, it holds the prompts, padded on the left. Rows that are done leave the running batch. The
    last step's `done` holds every answer. `guide`: what the scores are led away from, at the cost of a second pass a step.

    Raises InputError for prompts that end in padding.
    """
    with torch.inference_mode():                       # not as a decorator: it would have to see through every wrapper to the generator
        front = _Front(model, batch, start, remembers=bool(filters))
        other = None if guide is None or guide.weight == 1.0 else _Front(model, guide.away, start, remembers=False)
    search = choice.begin(len(batch), ending)
    index, parents = 0, []
    with closing(front), closing(other) if other else nullcontext():
        while search.trails:
            with torch.inference_mode():
                for each in (front, other) if index else ():
                    if each is not None:
                        each.follow(parents, [t.tokens[-1] for t in search.trails], [t.source for t in search.trails])
                scores = front.forward()
                scores = scores if other is None or guide is None else other.forward().lerp_(scores, guide.weight)
                scores = scores.log_softmax(-1) if choice.logs else scores
                for each in filters:
                    scores = each(scores, front.said, index)
                parents = search.advance(scores)
            index += 1
            yield Step(index, search)


def generate(
    model: Network, batch: Batch | Memory, choice: Choice, *, ending: Ending, start: Start = 0, filters: Sequence[Filter] = ()
) -> list[list[Hypothesis]]:
    """The `choice.nbest` best answers to each row of the batch, best first. See `stream`."""
    done: list[list[Hypothesis]] = [[] for _ in range(len(batch))]
    for step in stream(model, batch, choice, ending=ending, start=start, filters=filters):
        done = step.done
    return [found[: choice.nbest] for found in done]


class _Front:
    """The tensors of the running batch: what goes into the next forward pass. `remembers`: whether `said` grows."""

    def __init__(self, model: Network, batch: Batch | Memory, start: Start, *, remembers: bool):
        self._model, self._cache = model, model.new_cache()
        self._memory: Memory | None = None
        self._keep: Tensor | None = None
        if model.encoder is not None or isinstance(batch, Memory):
            self._memory = batch if isinstance(batch, Memory) else model.encode(batch)
            on = self._memory.hidden.device
            self._next = torch.full((len(batch), 1), start, device=on) if isinstance(start, int) else start.to(on)
        else:
            _check_prompts(batch)
            self._next, self._keep = batch.values, batch.keep
        self.said = self._next if self._keep is None else self._next.masked_fill(~self._keep, -1)
        self._remembers = remembers
        self._rows = self._sources = list(range(len(batch)))        # whose memory is in which row
        self._still: StillRun | None = None

    def forward(self) -> Tensor:
        """Scores of the next token, (rows v), in fp32."""
        if self._still is not None:
            return self._still.scores(self._next)
        hidden = self._model.decode(self._next, memory=self._memory, keep=self._keep, cache=self._cache)
        return self._model.logits(hidden[:, -1]).float()

    def follow(self, parents: list[int], tokens: list[int], sources: list[int]) -> None:
        """Go on from `parents` with `tokens`, which are answers to `sources`."""
        self._next = torch.tensor(tokens, device=self.said.device)[:, None]
        if parents != self._rows:
            rows = torch.tensor(parents, device=self.said.device)
            self._rows = list(range(len(parents)))
            (self._still or self._cache).reorder(rows)
            self.said = self.said[rows]
            self._keep = None if self._keep is None else self._keep[rows]
        if self._still is None and still_serves(self._model, self._cache):
            self._still = StillRun(self._model, self._cache, self._keep)
        if self._remembers:
            self.said = torch.cat((self.said, self._next), 1)
        if self._keep is not None:
            self._keep = torch.cat((self._keep, self._keep.new_ones(len(parents), 1)), 1)
        if self._memory is not None:
            self._leave(sources)

    def _leave(self, sources: list[int]) -> None:
        """Leave behind the memory of sources that are done."""
        count = Counter(sources)
        even = len(set(count.values())) == 1                        # neighbours share a row of memory where each has as many
        left = list(count) if even else sources
        if self._memory is not None and left != self._sources:
            kept = torch.tensor([self._sources.index(s) for s in left], device=self.said.device)
            self._memory = self._memory.select(kept)
            self._cache.select_memory(kept)
            self._sources = left

    def close(self) -> None:
        """Nothing is asked of it any more."""
        if self._still is not None:
            self._still.close()


def _check_prompts(batch: Batch) -> None:
    if batch.keep is not None and not bool(batch.keep[:, -1].all()):
        raise InputError("the last place of a prompt is where the answer goes on: got padding there.", 'Pad with side="left".')
