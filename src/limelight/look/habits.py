"""Habits of heads: where a head looks again and again, told by a share of its weight and beside what chance would give.

Positional heads and heads that look at separators or rare words: Voita et al. 2019, section 5, and Clark et al. 2019, section 3;
heads that look at the same token, or at what came after it (induction): Olsson et al. 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .trace import Trace
from .view import View

SHARE, LIFT, FEWEST = 0.4, 2.0, 5        # of the weight, times what an even look gives, queries: from which on a habit names a head
TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Text:
    """What was read: `tokens` (b n); `keep`, real places; `separators`: ids of marks and stops; `counts`: how often each id is met, by id,
    or any numbers in that order (see Voita et al. 2019: the rarest token of a text)."""

    tokens: Int[Tensor, "b n"]
    keep: Bool[Tensor, "b n"] | None = None
    separators: Collection[int] = ()
    counts: Int[Tensor, " v"] | None = None

    @property
    def there(self) -> Bool[Tensor, "b n"]:
        """Real places."""
        return torch.ones_like(self.tokens, dtype=torch.bool) if self.keep is None else self.keep


@dataclass(frozen=True)
class Habit:
    """One habit of one head. `share`: of the weight of queries that could follow it; `chance`: what they would give by looking evenly at
    all that they may see; `queries`: how many could."""

    name: str
    share: float
    chance: float
    queries: int

    @property
    def lift(self) -> float:
        """How many times chance."""
        return self.share / max(self.chance, TINY)

    def __str__(self) -> str:
        return f"{self.name} {self.share:.0%}"


@dataclass(frozen=True)
class Habits:
    """All habits that one head could have had."""

    all: tuple[Habit, ...]

    @property
    def best(self) -> Habit | None:
        """The one that names the head: of the greatest share, where that is at least 40 % of the weight of five queries or more, and twice
        what chance gives."""
        good = [each for each in self.all if each.share >= SHARE and each.lift >= LIFT and each.queries >= FEWEST]
        return max(good, key=lambda each: each.share, default=None)


Rule = Callable[[Text, Int[Tensor, " q"], Int[Tensor, " k"]], Bool[Tensor, "b q k"]]


def _offset(away: int) -> Rule:
    return lambda text, i, j: ((j[None] - i[:, None]) == away).expand(len(text.tokens), -1, -1)


def _first(text: Text, i: Tensor, j: Tensor) -> Tensor:
    start = text.there.long().argmax(1)
    return (j[None] == start[:, None])[:, None].expand(-1, len(i), -1) & (i[None] != start[:, None])[..., None]


def _separator(text: Text, i: Tensor, j: Tensor) -> Tensor:
    marks = torch.isin(text.tokens, torch.tensor(sorted(text.separators), dtype=text.tokens.dtype, device=text.tokens.device))
    return marks[:, None, j] & (i[:, None] != j[None])


def _same(text: Text, i: Tensor, j: Tensor) -> Tensor:
    return (text.tokens[:, i, None] == text.tokens[:, None, j]) & (i[:, None] != j[None])


def _after_same(text: Text, i: Tensor, j: Tensor) -> Tensor:
    before = torch.cat((torch.full_like(text.tokens[:, :1], -1), text.tokens[:, :-1]), 1)
    return (text.tokens[:, i, None] == before[:, None, j]) & (j[None] <= i[:, None])


def _rarest(text: Text, i: Tensor, j: Tensor) -> Tensor:
    if text.counts is None:
        return torch.zeros(len(text.tokens), len(i), len(j), dtype=torch.bool, device=i.device)
    often = text.counts.to(i.device)[text.tokens].masked_fill(~text.there, torch.iinfo(torch.int64).max)
    rare = often == often.amin(1, keepdim=True)
    return rare[:, None, j] & (i[:, None] != j[None])


RULES: Mapping[str, Rule] = {
    "previous": _offset(-1),
    "next": _offset(1),
    "itself": _offset(0),
    "two before": _offset(-2),
    "two after": _offset(2),
    "first": _first,
    "separator": _separator,
    "same token": _same,
    "after the same token": _after_same,
    "rarest": _rarest,
}


def habits(view: View, text: Text, *, every: int = 1) -> list[Habits]:
    """The habits of each head of a self-attention that has read `text`, from its map in strips; `every` 8: by each eighth query alone."""
    there, start = text.there, 0
    slots = torch.arange(text.tokens.shape[1], device=text.tokens.device)
    looking = slots[::every]
    share = {name: torch.zeros(view.heads) for name in RULES}
    chance, queries = dict.fromkeys(RULES, 0.0), dict.fromkeys(RULES, 0)
    for strip in view.strips(queries=slice(None, None, every)):
        i, j = looking[start : start + strip.shape[2]], slots[: strip.shape[3]]
        seen = (strip > 0).any(1) & there[:, i, None] & there[:, None, j]          # what any head gives weight may be seen
        for name, rule in RULES.items():
            wanted = rule(text, i, j) & seen
            able = wanted.any(-1)
            share[name] += torch.einsum("bhqk,bqk->h", strip.cpu(), (wanted & able[..., None]).float().cpu())
            chance[name] += float((wanted.sum(-1) / seen.sum(-1).clamp(min=1))[able].sum())
            queries[name] += int(able.sum())
        start += len(i)
    return [
        Habits(tuple(Habit(name, float(share[name][h]) / n, chance[name] / n, n) for name in RULES if (n := queries[name])))
        for h in range(view.heads)
    ]


def described(seen: Trace, text: Text) -> dict[str, list[Habits]]:
    """The habits of all self-attentions that were traced while `text` was read."""
    return {name: habits(seen[name], text) for name in seen if name.endswith(".self")}
