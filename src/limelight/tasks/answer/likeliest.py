"""The likeliest spans of a text, by what a model says of where they start and end."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

ROWS = 4096                              # starts looked at at once: all that is held is so many by the longest span


def likeliest(start: Float[Tensor, " n"], end: Float[Tensor, " n"], *, longest: int, at_least: int) -> Iterator[tuple[float, int, int]]:
    """(start + end, first place, last place) of spans of at most `longest` places, the best first, to the last of them.

    They are looked for in rounds, of `at_least` and then ever more, so that who stops early pays little. Memory does not grow with the
    square of n.
    """
    longest = min(longest, len(start))
    given, most = 0, at_least
    while given < len(start) * longest:
        found = _best(start, end, longest, most)
        yield from found[given:]
        if len(found) < most:
            return
        given, most = len(found), most * 8


def _best(start: Tensor, end: Tensor, longest: int, most: int) -> list[tuple[float, int, int]]:
    """The `most` best, those of one score in the order of the text."""
    ends = torch.nn.functional.pad(end, (0, longest - 1), value=-torch.inf).unfold(0, longest, 1)
    scores, places = start.new_empty(0), torch.empty(0, dtype=torch.long)
    for first in range(0, len(start), ROWS):
        some = (start[first : first + ROWS, None] + ends[first : first + ROWS]).flatten()
        scores = torch.cat([scores, some])
        places = torch.cat([places, torch.arange(len(some)) + first * longest])
        scores, kept = scores.sort(descending=True, stable=True)
        scores, places = scores[:most], places[kept[:most]]
    real = scores > -torch.inf
    rows, lengths = places[real] // longest, places[real] % longest
    return [*zip(scores[real].tolist(), rows.tolist(), (rows + lengths).tolist(), strict=True)]
