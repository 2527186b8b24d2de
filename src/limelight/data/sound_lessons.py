"""Lessons of sound: what is heard, beside the tokens that it should be written as."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..inputs import Encoded, Text, pad
from ..inputs.pairs import Pairs
from ..inputs.sounds import frames
from ..spec import Sounds
from .disturbing import Disturbed, Samples, disturbed, wiped
from .recordings import Timed

AFTER = 0.1                              # seconds after the last word that the end mark is said in


@runtime_checkable
class Utterance(Protocol):
    """Something that was said."""

    @property
    def text(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def joins(self) -> Sequence[Timed]: ...
    def sound(self, rate: int) -> Samples: ...


@dataclass(frozen=True)
class SoundLessons:
    """Makes utterances, each of which `fits` into a stretch, into a lesson: disturbed anew each time, aligned by when words are said."""

    text: Text
    sounds: Sounds
    how: Disturbed

    def __call__(self, examples: Sequence[Utterance], random: np.random.Generator) -> Pairs:
        """Frames as sources, and what was said as targets, with the end mark. Raises InputError for what does not fit."""
        changed = [disturbed(each.sound(self.sounds.rate), self.how, random) for each in examples]
        heard, said = frames([each.samples for each in changed], self.sounds), self.text.encode_all([each.text for each in examples])
        target = pad([each.ids for each in said], filler=self.text.pad)
        aligned = torch.zeros(*target.values.shape, -(-heard.values.shape[2] // 2))
        for row, example, encoded, each in zip(aligned, examples, said, changed, strict=True):
            align(row, spans(encoded, example.joins), self.sounds.rate / (2 * self.sounds.hop * each.faster))
        return Pairs(replace(heard, values=wiped(heard.values, self.how, random)), target, aligned=aligned)


def spans(said: Encoded, joins: Sequence[Timed]) -> list[tuple[float, float]]:
    """When each token is said, from and to, in seconds; the end mark in the moment after the last word. () where no times are known."""
    if not joins:
        return []
    ends = list(accumulate(len(word) + 1 for word, _, _ in joins))       # in characters, with the space behind
    last = joins[-1][2]
    words = [None if a == z else bisect(ends, z - 1) for a, z in said.offsets]
    return [(last, last + AFTER) if word is None else joins[word][1:] for word in words]


def align(row: Float[Tensor, "n k"], times: Sequence[tuple[float, float]], rate: float) -> None:
    """Spread each token evenly over the vectors of its time, of which there are `rate` a second; what lies behind the last is not known."""
    for token, (start, end) in zip(row, times, strict=False):
        first = math.floor(start * rate)
        there = token[first : max(first + 1, math.ceil(end * rate))]
        there.fill_(1 / max(1, len(there)))


def fits(each: Utterance, sounds: Sounds, how: Disturbed) -> bool:
    """Whether the utterance fits into a stretch, however slowly it is said."""
    return each.seconds / (1 - how.speed) < sounds.seconds
