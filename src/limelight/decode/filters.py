"""Filters: what may not be said, or not so readily. Each takes scores (rows v) and what was said (rows n) and gives scores."""

from __future__ import annotations

import functools
from typing import Annotated, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ..values import value


@runtime_checkable
class Filter(Protocol):
    """Anything that can be called like this."""

    def __call__(self, scores: Tensor, said: Tensor, new: int) -> Tensor:
        """`scores` (rows v), `said` (rows n) with the prompt, `new`: how many of them are new -> scores (rows v).

        `said` holds -1 where a prompt was padded: nothing was said there.
        """
        ...


@value
class RepetitionPenalty:
    """Scores of tokens that were said are divided by `penalty` where positive, multiplied where negative (Keskar et al. 2019, 4.1)."""

    penalty: Annotated[float, Field(gt=0)]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "r n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del new
        said = torch.where(said < 0, said[:, -1:], said)                        # saying it twice does not punish it twice
        found = scores.gather(1, said)
        return scores.scatter(1, said, torch.where(found < 0, found * self.penalty, found / self.penalty))


@value
class NoRepeat:
    """No run of `size` tokens is said twice (Paulus et al. 2018, section 2.5)."""

    size: Annotated[int, Field(ge=1)]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "r n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del new
        if said.shape[1] < self.size:
            return scores
        runs = said.unfold(1, self.size, 1)                                     # (r n-size+1 size)
        tail = said[:, said.shape[1] - self.size + 1 :]                         # (r size-1)
        again = (runs[:, :, :-1] == tail[:, None]).all(-1) & (runs[:, :, -1] >= 0)   # (r n-size+1)
        row, at = again.nonzero(as_tuple=True)
        return scores.index_put((row, runs[row, at, -1]), scores.new_tensor(-torch.inf))


@value
class MinLength:
    """No end before `length` new tokens."""

    length: Annotated[int, Field(ge=0)]
    end: tuple[int, ...]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "r n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del said
        return scores if new >= self.length else _without(scores, self.end)


@value
class Suppress:
    """Some tokens are never said (padding, start)."""

    tokens: tuple[int, ...]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "_ n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del said, new
        return _without(scores, self.tokens)


@value
class Forced:
    """Some steps have no choice: at step n, counted from 0, token t is said, for each (n, t) of `at`.

    A language token first (Fan et al. 2021, section 2.1), or an end when the room is spent.
    """

    at: tuple[tuple[int, int], ...]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "_ n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del said
        token = dict(self.at).get(new)
        return scores if token is None else torch.full_like(scores, -torch.inf).index_fill(1, _index((token,), scores.device), 0.0)


@value
class Among:
    """Only some tokens are said: `count` of them, from `first` on."""

    first: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=1)]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "_ n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del said, new
        at = _places(scores)
        return scores.masked_fill((at < self.first) | (at >= self.first + self.count), -torch.inf)


@value
class SuppressFirst:
    """Some tokens are never said first."""

    tokens: tuple[int, ...]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "_ n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del said
        return _without(scores, self.tokens) if new == 0 else scores


@value
class NeverInARow:
    """Runs of tokens that are never said to their end; a run of one token is never said at all."""

    runs: tuple[tuple[int, ...], ...]

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "r n"], new: int) -> Float[Tensor, "r v"]:
        """See the class."""
        del new
        for run in self.runs:
            before = said.new_tensor(run[:-1])
            if len(before) > said.shape[1]:
                continue
            begun = (said[:, said.shape[1] - len(before) :] == before).all(-1, keepdim=True)    # (r 1)
            scores = torch.where(begun & (_places(scores) == run[-1]), -torch.inf, scores)
        return scores


def _without(scores: Tensor, tokens: tuple[int, ...]) -> Tensor:
    return scores.index_fill(1, _index(tokens, scores.device), -torch.inf)


def _places(scores: Tensor) -> Tensor:
    return torch.arange(scores.shape[1], device=scores.device)


@functools.lru_cache(maxsize=64)
def _index(tokens: tuple[int, ...], device: torch.device) -> Tensor:
    """The same few tokens are left out at every step."""
    with torch.inference_mode(False):                                           # kept for callers who take gradients too
        return torch.tensor(tokens, device=device, dtype=torch.long)


# --- for sampling: which tokens stay in the draw ----------------------------------------------------------------------
def top_k(scores: Float[Tensor, "r v"], k: int) -> Float[Tensor, "r v"]:
    """Only the k best (Fan et al. 2018, section 5.4)."""
    least = scores.topk(min(k, scores.shape[-1]), -1).values[:, -1:]
    return scores.masked_fill(scores < least, -torch.inf)


def top_p(scores: Float[Tensor, "r v"], p: float) -> Float[Tensor, "r v"]:
    """The fewest tokens that hold probability p together (Holtzman et al. 2020, section 3.1)."""
    ordered, index = scores.sort(-1, descending=True)
    before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)               # the best token is always kept
    return scores.masked_fill((before >= p).scatter(1, index, before >= p), -torch.inf)


def min_p(scores: Float[Tensor, "r v"], p: float) -> Float[Tensor, "r v"]:
    """Tokens at least p times as likely as the best (Nguyen et al. 2024, section 3)."""
    chances = scores.softmax(-1)
    return scores.masked_fill(chances < p * chances.amax(-1, keepdim=True), -torch.inf)
