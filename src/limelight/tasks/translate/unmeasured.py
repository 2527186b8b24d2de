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
    """The way, of single heads and of means over a layer's heads, in which most target words and source words are one another's best on
    these pairs: an alignment that reads the same from either side (as Liang et al. 2006 have two models agree).

    How far it is right is not measured, and its trust says so.
    """
    best, share = max(((way, mutual(led, way)) for way in _ways(led)), key=lambda each: each[1])
    trust = f"chosen without gold alignments, so how often it is right is not measured; {share:.0%} of target words are mutual bests"
    return Told(best, trust, opened.manifest.name)


def mutual(led: Sequence[Led], way: Way) -> float:
    """The share of target words whose best source word has them as its best; 0 where there are none."""
    found = [_mutual(each.brought(way.attention, way.heads, shift=way.shift, normed=way.normed).mean(0)) for each in led]
    words = sum(count for _, count in found)
    return sum(hits for hits, _ in found) / words if words else 0.0


def _mutual(weights: Float[Tensor, "j i"]) -> tuple[int, int]:
    count = len(weights)
    if not weights.numel():
        return 0, count
    most, best = weights.max(1)
    back = weights.argmax(0)
    return sum(int(back[i]) == j and float(most[j]) > 0 for j, i in enumerate(best.tolist())), count


def _ways(led: Sequence[Led]) -> Iterator[Way]:
    for name, weights in led[0].weights.items():
        every = tuple(range(len(weights)))
        groups = [(h,) for h in every] + ([every] if len(every) > 1 else [])
        yield from (Way(name, heads, shift) for heads, shift in product(groups, (0, 1)))
