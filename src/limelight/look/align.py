"""Word alignment from cross-attention: pieces merged to words, and a number for how far it can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..spec import Attention, Predicted

Span = tuple[int, int]
Link = tuple[int, int]
TINY = 1e-9
EVEN = 0.03                              # what a source word is thought to give besides: of a single target word none would be best


class Linking(NamedTuple):
    """How weights become links. `even`: what a target word took from a source word counts as a share of all that the source word gives,
    so that one from which all take (a full stop, say) takes no links away from others. `signs`: a sign is linked to signs alone, a word to
    words. A target word is linked to its best source word, and to all that reach `share` of the best (1: the best alone); to nothing
    where the best reaches less than `least`, or where more than the best divided by `null` went to no word at all."""

    share: float = 1.0
    null: float = 1.0
    even: bool = False
    signs: bool = False
    least: float = 0.0


PLAIN = Linking()


@dataclass(frozen=True)
class Alignment:
    """Which source words (i) each target word (j) comes from. `weights[j][i]`: what j took from i, rows summing to at most 1:
    the rest went to the end mark, which stands for no word. A word in no link comes from nothing, or nothing comes from it."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    links: tuple[Link, ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def pharaoh(self) -> str:
        """The links as "i-j i-j", counted from 0."""
        return " ".join(f"{i}-{j}" for i, j in self.links)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The links as words."""
        return tuple((self.source[i], self.target[j]) for i, j in self.links)

    @property
    def unlinked(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The source words that nothing comes from, and the target words that come from nothing."""
        from_words, to_words = {i for i, _ in self.links}, {j for _, j in self.links}
        return (
            tuple(i for i in range(len(self.source)) if i not in from_words),
            tuple(j for j in range(len(self.target)) if j not in to_words),
        )

    def to_json(self, trust: str) -> dict[str, Any]:
        """Plain JSON data; `trust`: how far to trust it."""
        return {
            "source": list(self.source),
            "target": list(self.target),
            "links": [list(link) for link in self.links],
            "pharaoh": self.pharaoh,
            "weights": [[round(w, 4) for w in row] for row in self.weights],
            "trust": trust,
        }


def unfaded(weights: Float[Tensor, "*h q k"], s: Attention) -> Float[Tensor, "*h q k"]:
    """Rows that sum to 1, where they faded away from a predicted place: what is lost there went to no end mark (see `links_of`)."""
    return weights / weights.sum(-1, keepdim=True).clamp(min=TINY) if isinstance(s.local, Predicted) else weights


def align(
    weights: Float[Tensor, "q k"],
    *,
    texts: tuple[str, str],
    pieces: tuple[Sequence[Span], Sequence[Span]],
    words: tuple[Sequence[Span], Sequence[Span]],
    linking: Linking = PLAIN,
) -> Alignment:
    """Token weights -> words of a source and a target. `weights`: what each target piece took from each source piece; `pieces`, `words`:
    their characters. See `merged`."""
    found = merged(weights, maps_of(pieces, words))
    source, target = (tuple(text[a:b] for a, b in spans) for text, spans in zip(texts, words, strict=True))
    links = links_of(found, linking, alike_of(source, target))
    return Alignment(source, target, links, tuple(tuple(round(float(w), 6) for w in row) for row in found))


Maps = tuple[Float[Tensor, "j q"], Float[Tensor, "k i"]]


def maps_of(pieces: tuple[Sequence[Span], Sequence[Span]], words: tuple[Sequence[Span], Sequence[Span]]) -> Maps:
    """How pieces become words: a word takes the mean of its pieces' rows, each counted by the share of it that lies in the word; what
    goes to a word is the sum over its pieces. Pieces without characters (the end mark) belong to no word."""
    rows = _membership(pieces[1], words[1]).T                                  # (j q)
    return rows / rows.sum(1, keepdim=True).clamp(min=1e-12), _membership(pieces[0], words[0])      # a word may own but a share of a piece


def merged(weights: Float[Tensor, "*h q k"], maps: Maps) -> Float[Tensor, "*h j i"]:
    """What each target word took from each source word."""
    return maps[0] @ weights.double() @ maps[1]


def links_of(weights: Float[Tensor, "j i"], linking: Linking = PLAIN, alike: Bool[Tensor, "j i"] | None = None) -> tuple[Link, ...]:
    """For each target word the source words that it comes from, see `Linking`; none where it took nothing from any."""
    return tuple(sorted((i, j) for j, i in linked(weights, linking, alike).nonzero().tolist())) if weights.numel() else ()


def linked(
    weights: Float[Tensor, "*b j i"], linking: Linking, alike: Bool[Tensor, "*b j i"] | None = None
) -> Bool[Tensor, "*b j i"]:
    """Which target word is linked to which source word. `alike`: whether both are words, or both signs. Words that are not there (a batch's
    padding) have no weights."""
    told = weights.max(-1).values > linking.null * (1 - weights.sum(-1))
    seen = weights / (weights.sum(-2, keepdim=True) + EVEN) if linking.even else weights
    if linking.signs and alike is not None:
        seen = seen * alike
    most = seen.max(-1, keepdim=True)
    best = torch.zeros_like(seen, dtype=torch.bool).scatter_(-1, most.indices, True)                     # of equals the first alone
    near = best if linking.share == 1 else best | (seen >= linking.share * most.values)
    return near & (seen > 0) & told.unsqueeze(-1) & (most.values >= linking.least)


def alike_of(source: Sequence[str], target: Sequence[str]) -> Bool[Tensor, "j i"]:
    """For each pair of a target and a source word whether both are words, or both signs."""
    from_words, to_words = (torch.tensor([any(map(str.isalnum, word)) for word in side], dtype=torch.bool) for side in (source, target))
    return to_words[:, None] == from_words


class Match(NamedTuple):
    """How found links A agree with sure ones S and possible ones P, S being part of P: the numbers that all rates are made of
    (Och and Ney 2003, section 5.2). They add up over sentences."""

    sure_hits: int = 0
    possible_hits: int = 0
    found: int = 0
    sure: int = 0

    @property
    def error(self) -> float:
        """Alignment error rate: 1 - (|A & S| + |A & P|) / (|A| + |S|). 0 is perfect; nothing found and nothing sure counts as 0."""
        size = self.found + self.sure
        return 1 - (self.sure_hits + self.possible_hits) / size if size else 0.0

    @property
    def precision(self) -> float:
        """The share of found links that are possible; 1 where none were found."""
        return self.possible_hits / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The share of sure links that were found; 1 where there are none."""
        return self.sure_hits / self.sure if self.sure else 1.0


def match(found: Collection[Link], sure: Collection[Link], possible: Collection[Link]) -> Match:
    """One sentence's links beside the gold."""
    a, s, p = set(found), set(sure), set(possible) | set(sure)
    return Match(len(a & s), len(a & p), len(a), len(s))


def total(matches: Iterable[Match]) -> Match:
    """Several sentences as one."""
    return Match(*map(sum, zip(Match(), *matches, strict=True)))


def error_rate(found: Sequence[Collection[Link]], sure: Sequence[Collection[Link]], possible: Sequence[Collection[Link]]) -> float:
    """Alignment error rate over sentences, see Match."""
    return total(match(*each) for each in zip(found, sure, possible, strict=True)).error


def _membership(pieces: Sequence[Span], words: Sequence[Span]) -> Float[Tensor, "p w"]:
    """Which share of each piece's characters lies in each word: pieces may straddle (a sign glued to another)."""
    out = torch.zeros(len(pieces), len(words), dtype=torch.float64)
    for p, (a, b) in enumerate(pieces):
        for w, (c, d) in enumerate(words):
            if (both := min(b, d) - max(a, c)) > 0:
                out[p, w] = both / (b - a)
    return out
