"""Searches: the answers under way. One follows single trails, the other keeps a beam of them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..native.likeliest import likeliest
from ..ops import largest
from .stops import Ending
from .trails import Hypothesis, Trail, best_first, common

Pick = Callable[[Tensor, list[Trail]], Tensor]


@runtime_checkable
class Search(Protocol):
    """Answers under way: `trails` are aligned with the rows of the running batch, `done` with its sources."""

    trails: list[Trail]
    done: list[list[Hypothesis]]

    def advance(self, scores: Tensor) -> list[int]:
        """Filtered scores (rows v) -> the parent row of each trail that goes on; `trails` and `done` move on."""
        ...

    def fixed(self, source: int) -> tuple[int, ...]:
        """The tokens of the first answer to `source` that nothing can change any more."""
        ...


class Top(NamedTuple):
    """The likeliest token of a row, its score, and the logarithm of what all tokens weigh where that one weighs 1."""

    token: int
    score: float
    rest: float


def tops(scores: Float[Tensor, "r v"]) -> list[Top]:
    """Of each row."""
    return list(map(Top, *(each.tolist() for each in likeliest(scores.float()))))


class SingleSearch:
    """Greedy search and sampling: each trail goes its own way; `copies` of them for each source. `pick`: None takes the likeliest token."""

    def __init__(self, sources: int, copies: int, ending: Ending, pick: Pick | None = None, *, length_penalty: float = 1.0):
        self.trails = [Trail(s) for s in range(sources)]
        self.done: list[list[Hypothesis]] = [[] for _ in range(sources)]
        self.pick = pick
        self._copies, self._ending, self._penalty = copies, ending, length_penalty

    def advance(self, scores: Float[Tensor, "r v"]) -> list[int]:
        """See Search."""
        rows = list(range(len(self.trails)))
        if self._copies > 1 and not self.trails[0].tokens:               # the prompt was read once for all copies
            rows = [row for row in rows for _ in range(self._copies)]
            self.trails = [Trail(self.trails[row].source, turn=i % self._copies) for i, row in enumerate(rows)]
            scores = scores[torch.tensor(rows, device=scores.device)]
        return self.follow(rows, scores, tops(scores))

    def follow(self, rows: list[int], scores: Float[Tensor, "r v"], best: Sequence[Top]) -> list[int]:
        """Go on from `rows`, whose `scores` these are, with what is known of the likeliest token of each."""
        if not all(able := [each.score > -torch.inf for each in best]):
            rows, best = self._without_speechless(rows, able), [each for each, can in zip(best, able, strict=True) if can]
            scores = scores[torch.tensor(able, device=scores.device)]
            if not rows:
                return []
        tokens, logprobs = [each.token for each in best], [-each.rest for each in best]
        if self.pick is not None:
            picked = self.pick(scores, self.trails).to(scores.device)
            found = scores.gather(1, picked[:, None])[:, 0].tolist()
            tokens, logprobs = picked.tolist(), [x - each.score - each.rest for x, each in zip(found, best, strict=True)]
        stay, kept = [], []
        for trail, row, token, logprob in zip(self.trails, rows, tokens, logprobs, strict=True):
            longer = trail.then(token, logprob, row)
            ended = self._ending.ends(longer.tokens)
            if ended or len(longer.tokens) >= self._ending.max_length:
                self._arrive(longer, ended=ended)
            else:
                stay.append(longer)
                kept.append(row)
        self.trails = stay
        return kept

    def _without_speechless(self, rows: list[int], able: list[bool]) -> list[int]:
        """Trails that the filters left no token at all stop where they are."""
        for trail, can in zip(self.trails, able, strict=True):
            if not can:
                self._arrive(trail, ended=False)
        self.trails = [trail for trail, can in zip(self.trails, able, strict=True) if can]
        return [row for row, can in zip(rows, able, strict=True) if can]

    def _arrive(self, trail: Trail, *, ended: bool) -> None:
        insort(self.done[trail.source], Hypothesis.of(trail, length_penalty=self._penalty, ended=ended), key=best_first)

    def fixed(self, source: int) -> tuple[int, ...]:
        """See Search: a token is never taken back, but of several answers another may turn out to be the best."""
        return common([t.tokens for t in self.trails if t.source == source] + [h.tokens for h in self.done[source][:1]])


class BeamSearch:
    """The best `width` trails of each source, until `width` whole answers are there and, unless told otherwise (see Beam.until), none
    under way scores better than the worst of them now (a longer answer may yet gain by its length; transformers stops here too).

    A candidate that ends counts only among the best `width` of those looked at, which are enough for `width` to go on.
    """

    def __init__(self, sources: int, width: int, length_penalty: float, ending: Ending, *, until: str = "likely"):
        self.trails = [Trail(s) for s in range(sources)]
        self.done: list[list[Hypothesis]] = [[] for _ in range(sources)]
        self._width, self._penalty, self._ending, self._until = width, length_penalty, ending, until

    def advance(self, scores: Float[Tensor, "r v"]) -> list[int]:
        """See Search."""
        sources = list(dict.fromkeys(t.source for t in self.trails))
        beams, v = len(self.trails) // len(sources), scores.shape[1]
        totals = torch.tensor([t.total for t in self.trails], device=scores.device)[:, None]     # (r 1)
        looked = max(2, 1 + len(self._ending.end)) * self._width             # even if every trail could end in every way
        tokens, single = largest(scores, min(looked, v))                     # of each trail: among them are the best of all
        each = single.shape[1]
        best = (single + totals).view(len(sources), -1).topk(min(looked, beams * each), -1)
        said, logprobs = (part.view(len(sources), -1).gather(1, best.indices).tolist() for part in (tokens, single))
        rows = best.indices // each + beams * torch.arange(len(sources), device=scores.device)[:, None]
        trails, parents = [], []
        for source, *ranked in zip(sources, best.values.tolist(), rows.tolist(), said, logprobs, strict=True):
            found = [(row, token, logprob) for total, row, token, logprob in zip(*ranked, strict=True) if total > -torch.inf]
            for trail, row in self._next(source, found):
                trails.append(trail)
                parents.append(row)
        self.trails = trails
        return parents

    def _next(self, source: int, ranked: list[tuple[int, int, float]]) -> list[tuple[Trail, int]]:
        """Candidates (row, token, log-probability), best first -> the trails of one source that go on, with their parent rows."""
        onward: list[tuple[Trail, int]] = []
        for rank, (row, token, logprob) in enumerate(ranked):
            if len(onward) == self._width:
                break
            longer = self.trails[row].then(token, logprob, row)
            if not self._ending.ends(longer.tokens):
                onward.append((longer, row))
            elif rank < self._width:
                self._arrive(longer, ended=True)
        if onward and len(onward[0][0].tokens) >= self._ending.max_length:
            for trail, _ in onward:
                self._arrive(trail, ended=False)
            return []
        if not ranked and not self.done[source]:                             # the filters leave nothing to say
            for trail in self._under_way(source):
                self._arrive(trail, ended=False)
        return [] if self._settled(source, onward) else self._full(onward)

    def _under_way(self, source: int) -> list[Trail]:
        return [t for t in self.trails if t.source == source and t.total > -torch.inf]

    def _arrive(self, trail: Trail, *, ended: bool) -> None:
        """Keep an answer if it is among the best; whole ones go before those that were cut off."""
        found = self.done[trail.source]
        insort(found, Hypothesis.of(trail, length_penalty=self._penalty, ended=ended), key=best_first)
        del found[self._width :]

    def _settled(self, source: int, onward: list[tuple[Trail, int]]) -> bool:
        found = self.done[source]
        if not onward or len(found) < self._width:
            return not onward
        if self._until == "full":
            return True
        longest = self._until == "certain" and self._penalty > 0
        length = self._ending.max_length if longest else len(onward[0][0].tokens)
        best = max(trail.total for trail, _ in onward) / length**self._penalty
        return best <= found[-1].score

    def _full(self, onward: list[tuple[Trail, int]]) -> list[tuple[Trail, int]]:
        """Exactly `width` trails a source, so that rows stay in equal groups: where a tiny vocabulary or stop strings leave
        fewer, ghosts of the last one fill up."""
        trail, row = onward[-1]
        return onward + [(trail.ghost(), row)] * (self._width - len(onward))

    def fixed(self, source: int) -> tuple[int, ...]:
        """See Search: what all trails that can still win, and the best answer so far, begin with."""
        return common([t.tokens for t in self._under_way(source)] + [h.tokens for h in self.done[source][:1]])
