"""Word alignment from cross-attention: pieces merged to words, and a number for how far it can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..spec import Attention, Predicted

Span = tuple[int, int]
Link = tuple[int, int]
TINY = 1e-9


@dataclass(frozen=True)
class Alignment:
    """Which source word (i) each target word (j) comes from. `weights[j][i]`: what j took from i, rows summing to at most 1:
    the rest went to the end mark, which stands for no word."""

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


def unfaded(weights: Float[Tensor, "h q k"], s: Attention) -> Float[Tensor, "h q k"]:
    """Rows that sum to 1, where they faded away from a predicted place: what is lost there went to no end mark (see `links_of`)."""
    return weights / weights.sum(-1, keepdim=True).clamp(min=TINY) if isinstance(s.local, Predicted) else weights


def align(
    weights: Float[Tensor, "q k"],
    *,
    source: str,
    target: str,
    source_pieces: Sequence[Span],
    target_pieces: Sequence[Span],
    words: tuple[Sequence[Span], Sequence[Span]],
) -> Alignment:
    """Token weights -> words. `weights`: what each target piece took from each source piece; `*_pieces`, `words`: their characters.

    A word takes the mean of its pieces' rows, each counted by the share of it that lies in the word; what goes to a word is the
    sum over its pieces. Pieces without characters (the end mark) belong to no word.
    """
    from_words, to_words = words
    into = _membership(source_pieces, from_words)                              # (k i)
    rows = _membership(target_pieces, to_words).T                              # (j q)
    rows = rows / rows.sum(1, keepdim=True).clamp(min=1e-12)                   # a word may own but a share of its one piece
    merged = rows @ weights.double() @ into                                    # (j i)
    return Alignment(
        tuple(source[a:b] for a, b in from_words),
        tuple(target[a:b] for a, b in to_words),
        links_of(merged),
        tuple(tuple(round(float(w), 6) for w in row) for row in merged),
    )


def links_of(weights: Float[Tensor, "j i"]) -> tuple[Link, ...]:
    """For each target word the source word it took most from; none where most went to no word at all."""
    if not weights.numel():
        return ()
    most, at = weights.max(1)
    nowhere = 1 - weights.sum(1)
    return tuple(sorted((int(at[j]), j) for j in range(len(weights)) if most[j] > nowhere[j]))


def error_rate(found: Sequence[Collection[Link]], sure: Sequence[Collection[Link]], possible: Sequence[Collection[Link]]) -> float:
    """Alignment error rate over sentences: 1 - (|A & S| + |A & P|) / (|A| + |S|), with S part of P (Och and Ney 2003, equation 24).

    0 is perfect; nothing found and nothing sure counts as 0.
    """
    hits = size = 0
    for a, s, p in zip(found, sure, possible, strict=True):
        a, s, p = set(a), set(s), set(p) | set(s)
        hits += len(a & s) + len(a & p)
        size += len(a) + len(s)
    return 1 - hits / size if size else 0.0


def _membership(pieces: Sequence[Span], words: Sequence[Span]) -> Float[Tensor, "p w"]:
    """Which share of each piece's characters lies in each word: pieces may straddle (a sign glued to another)."""
    out = torch.zeros(len(pieces), len(words), dtype=torch.float64)
    for p, (a, b) in enumerate(pieces):
        for w, (c, d) in enumerate(words):
            if (both := min(b, d) - max(a, c)) > 0:
                out[p, w] = both / (b - a)
    return out
