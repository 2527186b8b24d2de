"""Choices: how the next tokens are picked. Frozen values; each begins a search, which holds what is under way.

A beam is only a choice whose parents are not the identity, so one loop serves all three.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ..values import value
from .filters import min_p, top_k, top_p
from .search import BeamSearch, Search, SingleSearch
from .stops import Ending
from .trails import Trail

Count = Annotated[int, Field(ge=1)]
Penalty = Annotated[float, Field(ge=-50, le=50)]          # beyond, a length to this power is no number any more
Chance = Annotated[float, Field(gt=0, le=1)]


@value
class Greedy:
    """The likeliest token, always. `length_penalty` only says how the answer is scored, see Beam."""

    length_penalty: Penalty = 1.0

    logs: ClassVar[bool] = False
    nbest: ClassVar[int] = 1

    def begin(self, sources: int, ending: Ending) -> Search:
        """Start on a batch of `sources` rows."""
        return SingleSearch(sources, 1, ending, length_penalty=self.length_penalty)


@value
class Sample:
    """Draw tokens by their probability. What a row draws depends on `seed` and its own text alone, not on its batch.

    `temperature` divides the scores first; `top_k`, `top_p`, `min_p` leave tokens out; `nbest` answers a row.
    """

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    top_k: Count | None = None
    top_p: Chance = 1.0
    min_p: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nbest: Count = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    logs: ClassVar[bool] = False

    def begin(self, sources: int, ending: Ending) -> Search:
        """Start on a batch of `sources` rows."""
        dice = {(s, turn): torch.Generator().manual_seed((self.seed + turn) % 2**63) for s in range(sources) for turn in range(self.nbest)}

        def draw(scores: Tensor, trails: list[Trail]) -> Tensor:
            chances = self.narrowed(scores).softmax(-1).cpu()
            return torch.cat([torch.multinomial(row, 1, generator=dice[t.source, t.turn]) for row, t in zip(chances, trails, strict=True)])

        return SingleSearch(sources, self.nbest, ending, draw)

    def narrowed(self, scores: Float[Tensor, "r v"]) -> Float[Tensor, "r v"]:
        """Scores with the tokens left out at -inf."""
        # The best becomes 0 first: a temperature close to 0 then gives it everything, and nothing overflows.
        scores = (scores - scores.amax(-1, keepdim=True)) / max(self.temperature, 1e-20)
        scores = scores if self.top_k is None else top_k(scores, self.top_k)
        scores = scores if self.top_p == 1.0 else top_p(scores, self.top_p)
        return scores if self.min_p == 0.0 else min_p(scores, self.min_p)


@value
class Beam:
    """The `width` likeliest partial answers at once (Sutskever et al. 2014, section 3.2), with scores of whole answers
    divided by length ** `length_penalty`. `nbest` of them are given back; a `width` below that is widened to it.

    `until`: when a search ends, once there are `width` whole answers: "likely", when none under way scores better than the worst of
    them now; "full", at once; "certain", when none under way could score better however long it grew.
    """

    width: Count = 4
    length_penalty: Penalty = 1.0
    nbest: Count = 1
    until: Literal["likely", "full", "certain"] = "likely"

    logs: ClassVar[bool] = True

    def begin(self, sources: int, ending: Ending) -> Search:
        """Start on a batch of `sources` rows."""
        return BeamSearch(sources, max(self.width, self.nbest), self.length_penalty, ending, until=self.until)


Choice = Greedy | Sample | Beam
