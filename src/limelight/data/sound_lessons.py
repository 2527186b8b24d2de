"""Lessons of sound: what is heard, beside the tokens that it should be written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from ..inputs import Text, pad
from ..inputs.pairs import Pairs
from ..inputs.sounds import frames
from ..spec import Sounds
from .disturbing import Disturbed, Samples, disturbed, wiped


@runtime_checkable
class Utterance(Protocol):
    """Something that was said."""

    @property
    def text(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    def sound(self, rate: int) -> Samples: ...


@dataclass(frozen=True)
class SoundLessons:
    """Makes utterances, each of which `fits` into a stretch, into a lesson: disturbed anew each time."""

    text: Text
    sounds: Sounds
    how: Disturbed

    def __call__(self, examples: Sequence[Utterance], random: np.random.Generator) -> Pairs:
        """Frames as sources, and what was said as targets, with the end mark. Raises InputError for what does not fit."""
        heard = frames([disturbed(each.sound(self.sounds.rate), self.how, random) for each in examples], self.sounds)
        said = [each.ids for each in self.text.encode_all([each.text for each in examples])]
        return Pairs(replace(heard, values=wiped(heard.values, self.how, random)), pad(said, filler=self.text.pad))


def fits(each: Utterance, sounds: Sounds, how: Disturbed) -> bool:
    """Whether the utterance fits into a stretch, however slowly it is said."""
    return each.seconds / (1 - how.speed) < sounds.seconds
