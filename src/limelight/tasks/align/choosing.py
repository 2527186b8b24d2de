"""Which attention aligns words: measured on gold alignments, not guessed, and not an average of all heads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import pad

from ...errors import InputError
from ...hub import Opened
from ...look.align import Link, Match, alike_of, linked
from ...manifest import Aligner
from ..translate.forcing import Forcing, Led
from ..translate.languages import Asked
from ..translate.ways import Way
from .gold import Gold
from .measuring import couples, matched, measured, names_of


@dataclass(frozen=True)
class Space:
    """What is tried besides layer, heads and shift. `normed`: weights with and without norms; `read`: whether links are read from even
    shares, and signs by themselves; `nulls`, `leasts`, `shares`: see look.align.Linking."""

    normed: tuple[bool, ...] = (False, True)
    read: tuple[bool, ...] = (False, True)
    nulls: tuple[float, ...] = (0.0, 1.0)
    leasts: tuple[float, ...] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
    shares: tuple[float, ...] = (1.0, 0.9, 0.8, 0.65, 0.5)


PLAIN = Space(normed=(False,), read=(False,), nulls=(1.0,), leasts=(0.0,), shares=(1.0,))        # each word to its best, or to none


def choose_aligner(
    opened: Opened, gold: Sequence[Gold], *, measured_on: str, choose_on: int = 100, asked: Asked | None = None, space: Space | None = None
) -> Aligner:
    """The layer, heads, shift and linking with the lowest error on the first `choose_on` pairs, and their error on all the others.

    For each layer, shift and kind of weights the best single head is taken, and others of its layer join it one by one as long as the
    error falls; then it is tried which links are left out, and which are added. Raises InputError where no pairs are left to measure the
    choice on.
    """
    if not 0 < choose_on < len(gold):
        raise InputError(f"{len(gold)} gold pairs, {choose_on} of them to choose by: none are left to measure on.", "Choose on fewer.")
    told, space = couples(gold[:choose_on], names_of(opened, asked)), space or Space()
    judge = _Judge(ordered(Forcing(opened, asked and asked.pair).all(told), choose_on), gold[:choose_on])
    grown = [
        _grown(Way(name, (), shift, normed, even=read, signs=read), heads, judge)
        for name, heads in judge.heads.items()
        for shift, normed, read in product((0, 1), space.normed, space.read)
    ]
    best = min((_refined(way, judge, space) for way in grown), key=judge.error)
    return measured(best, matched(opened, gold[choose_on:], best, asked), measured_on)


def ordered(found: Iterator[tuple[int, Led]], count: int) -> list[Led]:
    """What comes in batches of like length, in the order that it was asked for."""
    out = dict(found)
    return [out[place] for place in range(count)]


def _grown(way: Way, heads: int, judge: _Judge) -> Way:
    """The heads of one layer that err least together, found one by one."""
    best = min((way._replace(heads=(h,)) for h in range(heads)), key=judge.error)
    while True:
        wider = [best._replace(heads=tuple(sorted((*best.heads, h)))) for h in range(heads) if h not in best.heads]
        better = min(wider, key=judge.error, default=best)
        if judge.error(better) >= judge.error(best):
            return best
        best = better


def _refined(way: Way, judge: _Judge, space: Space) -> Way:
    """The same heads, with the links that err least; of equals the first."""
    tried = product(space.nulls, space.leasts, space.shares)
    return min((way._replace(null=null, least=least, share=share) for null, least, share in tried), key=judge.error)


class _Judge:
    """The error of a way to align, on some gold pairs: all of them at once, and each way but once."""

    def __init__(self, led: Sequence[Led], gold: Sequence[Gold]):
        self._led, self._known = led, dict[Way, float]()
        self._size = max(len(g.target) for g in gold), max(len(g.source) for g in gold)
        self._sure, self._possible = (self._drawn(links) for links in ([g.sure for g in gold], [g.possible for g in gold]))
        self._alike = torch.stack([self._padded(alike_of(g.source, g.target)) for g in gold])
        self._merged: dict[tuple[str, int, bool], Float[Tensor, "p h j i"]] = {}

    @property
    def heads(self) -> dict[str, int]:
        """How many heads each cross-attention has."""
        return {name: len(weights) for name, weights in self._led[0].weights.items()}

    def error(self, way: Way) -> float:
        """Alignment error rate."""
        if way not in self._known:
            found = linked(self._brought(way)[:, list(way.heads)].mean(1), way.linking, self._alike)
            hits = int((found & self._sure).sum()), int((found & self._possible).sum())
            self._known[way] = Match(*hits, int(found.sum()), int(self._sure.sum())).error
        return self._known[way]

    def _brought(self, way: Way) -> Float[Tensor, "p h j i"]:
        key = way.attention, way.shift, way.normed
        if key not in self._merged:
            every = range(self.heads[way.attention])
            rows = (led.brought(way.attention, every, shift=way.shift, normed=way.normed) for led in self._led)
            self._merged[key] = torch.stack([self._padded(row) for row in rows])
        return self._merged[key]

    def _padded(self, matrix: Tensor) -> Tensor:
        (most, wide), (j, i) = self._size, matrix.shape[-2:]
        return pad(matrix, (0, wide - i, 0, most - j))

    def _drawn(self, links: Sequence[Collection[Link]]) -> Bool[Tensor, "p j i"]:
        out = torch.zeros(len(links), *self._size, dtype=torch.bool)
        for pair, each in enumerate(links):
            for i, j in each:
                out[pair, j, i] = True
        return out
