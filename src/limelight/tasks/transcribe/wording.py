"""What was heard -> a segment with its words: when each was said, how likely it was held, and how far its times can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...inputs import Text
from ...look.timing import Timing
from .hearing import Heard
from .seams import Part
from .spelling import Spelled, spelled
from .transcribed import Segment, Word

SLACK = 0.1                              # seconds around a word that count as its own where its times are judged


@dataclass(frozen=True)
class Stretch:
    """Where a stretch lies, in seconds: it begins at `start` and lasts `length`. `step`: between two times, and between two vectors that
    the decoder looks at; tokens from `begin` on are times."""

    start: float
    length: float
    step: float
    begin: int

    def clock(self, steps: int | None) -> float:
        """A number of steps as a time of the recording; None is the end."""
        return self.start + (self.length if steps is None else min(self.length, steps * self.step))


def segment(text: Text, heard: Heard, part: Part, stretch: Stretch) -> Segment | None:
    """A part of what was heard; None for one without words."""
    places = [i for i in range(part.first, part.last) if heard.tokens[i] < stretch.begin]
    tokens = [heard.tokens[i] for i in places]
    if not (said := text.decode(tokens).strip()):
        return None
    words = ()
    if heard.timing is not None:
        words = tuple(_word(each, places, heard, heard.timing, stretch) for each in spelled(text, tokens, heard.language))
    start = stretch.clock(part.start)
    return Segment(said, start, max(start, stretch.clock(part.end)), words, spaced=text.begins_word(tokens[0]))


def _word(word: Spelled, places: list[int], heard: Heard, timing: Timing, stretch: Stretch) -> Word:
    """From where its first token was heard to where the token after it was."""
    inside = places[word.first : word.last]
    after = inside[-1] + 1
    start = int(timing.at[inside[0]])
    end = max(start, int(timing.at[after])) if after < len(timing.at) else None
    slack = round(SLACK / stretch.step)
    last = timing.weights.shape[1] if end is None else end
    trust = timing.share(inside, start - slack, max(start + 1, last) + slack)
    likely = float(np.exp([heard.logprobs[i] for i in inside]).mean())
    return Word(word.text, stretch.clock(start), stretch.clock(end), likely, trust)
