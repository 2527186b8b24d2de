"""Choosing: which heads tell best when a word is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ....hub import Opened
from ....manifest import Speech
from ....spec import Model
from ..scores import Score

Pair = tuple[int, int]                   # a layer, and a head of its attention to what is heard
MOST = 6                                 # heads that are taken together
MEAN = "word times, mean error in ms"    # the score that is made small, see `scoring`


@dataclass(frozen=True)
class Chosen:
    """The heads, with the mean error of times in milliseconds on what they were chosen by, and on `each` alone."""

    heads: tuple[Pair, ...]
    error: float
    each: dict[Pair, float]


def best_heads(opened: Opened, measured: Callable[[Opened], Sequence[Score]]) -> Chosen:
    """The heads whose mean gives the times nearest to the true ones: the best alone, and others after it as long as they help."""
    def error(heads: tuple[Pair, ...]) -> float:
        told = replace(opened, manifest=replace(opened.manifest, speech=replace(opened.manifest.speech or Speech(), heads=heads)))
        return next((each.value for each in measured(told) if each.name == MEAN), float("inf"))

    each = {head: error((head,)) for head in _heads(opened.manifest.spec)}
    ranked = sorted(each, key=lambda head: each[head])
    best, least = (ranked[0],), each[ranked[0]]
    for head in ranked[1:MOST]:
        if (found := error((*best, head))) < least:
            best, least = (*best, head), found
    return Chosen(tuple(sorted(best)), least, each)


def _heads(spec: Model) -> list[Pair]:
    decoder = spec.decoder
    cross = getattr(decoder, "cross", None)
    return [] if decoder is None or cross is None else [(layer, head) for layer in range(decoder.depth) for head in range(cross.heads)]
