"""Case: one text, and what is to be explained of what a model makes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ...inputs import Batch, Encoded
from ...nn import Network
from .gaze import Gaze, Work
from .words import Gone, Places, Word, places_of


@dataclass(frozen=True, eq=False)
class Reading:
    """How rows are read. `says`: what the model says of each row of a batch, in numbers that can be differentiated; `batch`: rows as the
    model is given them; `read`: some work on many rows, in batches, in their order, on the CPU in fp32; `gaze`: whose attention is looked
    at, None where there is none; `twice`: whether a decoder reads the rows too, one place later (see nn.Network.hidden)."""

    model: Network
    says: Callable[[Batch], Float[Tensor, "b c"]]
    batch: Callable[[Sequence[Encoded]], Batch]
    read: Callable[[Sequence[Encoded], Work], list[Tensor]]
    gone: Gone
    gaze: Gaze | None = None
    twice: bool = False


@dataclass(frozen=True, eq=False)
class Case:
    """A text as it is read: in one row, or in several (windows of a long text, a row for each hypothesis).

    `words`: whose effects are asked for; `before`: what the model says of the rows, (r c); `value`: the one number of it that effects are
    parts of; `of`: what that is, in words; `shown`: the same as people read it (a probability); `label`: what was answered; `looked`: how
    much each row's attention counts, 1 in all.
    """

    rows: tuple[Encoded, ...]
    words: tuple[Word, ...]
    before: Float[Tensor, "r c"]
    value: Callable[[Float[Tensor, "r c"]], Float[Tensor, ""]]
    shown: Callable[[Float[Tensor, "r c"]], float]
    looked: tuple[float, ...]
    label: str
    of: str

    @cached_property
    def places(self) -> tuple[Places, ...]:
        """Where the words' tokens stand in each row."""
        return tuple(places_of(self.words, row) for row in self.rows)

    def per_word(self, tokens: Sequence[Float[Tensor, "_"]], weights: Sequence[float] | None = None) -> tuple[float, ...]:
        """Values of tokens, row by row -> their sums over each word's. `weights`: of the rows, 1 each by default."""
        found = [0.0] * len(self.words)
        for values, places, weight in zip(tokens, self.places, weights or [1.0] * len(self.rows), strict=True):
            for number, at in places.items():
                found[number] += weight * float(values[list(at)].sum())
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each word of a case has to do with its value. `effects`: one a word, in order; `scores`: what is shown of the case without each
    word, where that was read; `says`: what an effect is, in words ("{of}": what the value is, "{how}": how words are done without)."""

    effects: tuple[float, ...]
    says: str
    scores: tuple[float, ...] | None = None


def reread(reading: Reading, asked: Sequence[tuple[Case, Collection[int]]]) -> list[Float[Tensor, "r c"]]:
    """What the model says of each case without some of its words, by number; rows that hold none of them stay as they are."""
    rows: dict[tuple[int, frozenset[int]], list[tuple[int, Encoded]]] = {}
    for case, gone in asked:
        key = (id(case), frozenset(gone))
        if key not in rows:                                          # several ways of ordering words ask for the same ones
            rows[key] = [(r, reading.gone.without(row, tokens)) for r, row in enumerate(case.rows) if (tokens := _tokens(case, r, key[1]))]
    read = iter(reading.read([row for each in rows.values() for _, row in each], reading.says))
    changed = {key: [(r, next(read)) for r, _ in each] for key, each in rows.items()}
    return [_changed(case, changed[id(case), frozenset(gone)]) for case, gone in asked]


def _tokens(case: Case, r: int, gone: Collection[int]) -> list[int]:
    places = case.places[r]
    return [i for number in gone for i in places.get(number, ())]


def _changed(case: Case, parts: Sequence[tuple[int, Tensor]]) -> Tensor:
    out = case.before.clone()
    for r, values in parts:
        out[r] = values
    return out


def value_of(case: Case, said: Float[Tensor, "r c"]) -> float:
    """The value as a number."""
    with torch.no_grad():
        return float(case.value(said))
