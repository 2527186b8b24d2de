"""Tagging: labels of tokens -> spans, for the ways in which labels say where a span begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

Merge = Literal["none", "simple", "first", "average", "max"]
BEGINS, ENDS = {"B", "S", "U"}, {"E", "L", "S", "U"}      # begin, single, unit; end, last


@dataclass(frozen=True)
class Tag:
    """What a label says: the kind of span, and whether one begins or ends with what has it."""

    name: str
    begins: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Piece:
    """Tokens `first` to `last`, the number of their label, and its probability."""

    first: int
    last: int
    label: int
    score: float


def tags(labels: Sequence[str]) -> list[Tag]:
    """Labels in the schemes IO, BIO, BIOES and BILOU (Ramshaw and Marcus 1995; Ratinov and Roth 2009).

    "E-mail" is a kind and no end where no label "B-mail" or "I-mail" stands beside it.
    """
    return [_tag(label, set(labels)) for label in labels]


def _tag(label: str, known: set[str]) -> Tag:
    sign, dash, name = label.partition("-")
    if not (dash and name and (sign in ("B", "I") or (sign in BEGINS | ENDS and {f"B-{name}", f"I-{name}"} & known))):
        return Tag(label)
    return Tag(name, sign in BEGINS, sign in ENDS)


def pieces(odds: Float[Tensor, "n c"], words: Iterable[Sequence[int]], merge: Merge) -> list[Piece]:
    """A label for each word, given as places of its tokens, from the probabilities of its tokens (n c)."""
    out = []
    if merge in ("none", "simple", "first"):
        scores, labels = (each.tolist() for each in odds.max(1))
        return [Piece(word[0], word[-1], labels[word[0]], scores[word[0]]) for word in words]
    for word in words:
        some = odds[word[0] : word[-1] + 1]
        one = some.mean(0) if merge == "average" else some[int(some.max(1).values.argmax())]
        out.append(Piece(word[0], word[-1], int(one.argmax()), float(one.max())))
    return out


def merged(found: Sequence[Piece], known: Sequence[Tag]) -> list[Piece]:
    """Neighbours of one kind as one piece, its score their mean, unless the later begins a span or the earlier ends one."""
    groups: list[list[Piece]] = []
    for piece in found:
        tag, before = known[piece.label], known[groups[-1][-1].label] if groups else None
        if before is not None and tag.name == before.name and not tag.begins and not before.ends:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return [Piece(g[0].first, g[-1].last, g[0].label, sum(p.score for p in g) / len(g)) for g in groups]
