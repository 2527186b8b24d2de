"""Aligning with a model that nobody has measured: a choice without gold, which says of itself that it is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from .alignments import Told
from .forcing import Led
from .ways import Way


def chosen_blind(opened: Opened, led: Sequence[Led]) -> Told:
    """The layer and shift at which most target words and source words are one another's best on these pairs: an alignment that reads the
    same from either side (as Liang et al. 2006 have two models agree). All heads of the layer are averaged, and links are read in the way
    that errs least of a model that was measured.

    How far it is right is not measured, and its trust says so.
    """
    best, share = max(((way, mutual(led, way)) for way in _ways(led)), key=lambda each: each[1])
    trust = f"chosen without gold alignments: how often it is right is not measured; {share:.0%} of target words are mutual bests"
    return Told(best, trust, opened.manifest.name)


def mutual(led: Sequence[Led], way: Way) -> float:
    """The share of target words whose best source word has them as its best; 0 where there are none."""
    found = [mutual_bests(each.brought(way.attention, way.heads, shift=way.shift, normed=way.normed).mean(0)) for each in led]
    words = sum(count for _, count in found)
    return sum(hits for hits, _ in found) / words if words else 0.0


def mutual_bests(weights: Float[Tensor, "j i"]) -> tuple[int, int]:
    """How many target words are the best of their own best source word, and of how many."""
    count = len(weights)
    if not weights.numel():
        return 0, count
    most, best = weights.max(1)
    back = weights.argmax(0)
    return sum(int(back[i]) == j and float(most[j]) > 0 for j, i in enumerate(best.tolist())), count


def _ways(led: Sequence[Led]) -> Iterator[Way]:
    for (name, weights), shift in product(led[0].weights.items(), (0, 1)):
        yield Way(name, tuple(range(len(weights))), shift, null=0.0, even=True, signs=True)
