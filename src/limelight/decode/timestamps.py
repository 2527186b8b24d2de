"""Times among words: tokens that say when, and the rules that they keep (Radford et al. 2022, section 2.3)."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ..values import value

Natural = Annotated[int, Field(ge=0)]


@value
class Timestamps:
    """All tokens from `begin` on are times, the first of them 0; `never` is the token that says that there are none.

    An answer begins with a time, of at most `latest` steps. Times come in pairs, where one part ends and the next begins, but for the
    first and for one before the end; they never fall, and only the second of a pair may be as the one before. Where all times together
    are likelier than any one word, a time is said. `end`: the lowest token that ends an answer; words are below it.
    """

    begin: Natural
    end: Natural
    never: Natural | None = None
    latest: Natural | None = None

    def __call__(self, scores: Float[Tensor, "r v"], said: Int[Tensor, "r n"], new: int) -> Float[Tensor, "r v"]:
        """See filters.Filter."""
        places = torch.arange(scores.shape[1], device=scores.device)
        times = places >= self.begin
        hidden = torch.zeros_like(scores, dtype=torch.bool)
        if self.never is not None:
            hidden = hidden | (places == self.never)
        if new == 0:
            hidden = hidden | ~times
            hidden = hidden if self.latest is None else hidden | (places > self.begin + self.latest)
        else:
            hidden = hidden | self._paired(said[:, -new:], places, times)
        scores = scores.masked_fill(hidden, -torch.inf)
        chances = scores.log_softmax(-1)
        together, best = chances[:, self.begin :].logsumexp(-1), chances[:, : self.begin].amax(-1)
        return scores.masked_fill((together > best)[:, None] & ~times, -torch.inf)

    def _paired(self, answer: Int[Tensor, "r n"], places: Int[Tensor, " v"], times: Tensor) -> Tensor:
        """What may not come next, by the last two tokens and the highest time so far."""
        timed = answer >= self.begin                                            # (r n)
        last = timed[:, -1:]
        before = timed[:, -2:-1] if answer.shape[1] > 1 else torch.ones_like(last)
        opened = last & ~before                                                 # a time that ends a part: another must follow, or the end
        order = torch.arange(1, answer.shape[1] + 1, device=answer.device) * timed
        newest = answer.gather(1, order.argmax(1, keepdim=True))
        least = torch.where(timed.any(1, keepdim=True), newest + (~opened).long(), self.begin)
        return (last & before & times) | (opened & (places < self.end)) | (times & (places < least))
