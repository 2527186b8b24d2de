"""Scores of what was heard: how many words and characters are wrong, and how far the times of words are from the true ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....data.recordings import Timed
from ....data.split import twin_key
from ....errors import InputError
from ....measure.intervals import RESAMPLES, over_items
from ..scores import Score
from .edits import edits, kept

NEAR = 0.05                              # seconds within which a time is right
RULES = "lower case, no punctuation"


@dataclass(frozen=True)
class Said:
    """What was said, or heard. `words`: all of its words with their times, () where they are not known."""

    text: str
    words: tuple[Timed, ...] = ()


def score(wanted: Sequence[Said], found: Sequence[Said]) -> list[Score]:
    """Word and character error rate: edits for each word, or character and space, that was said, all recordings together, out of 100.
    Where times are known, those of words that were heard right: how far starts and ends are from the true ones on average, in milliseconds,
    and the share of them within NEAR.

    Intervals are a bootstrap over recordings. Raises InputError where there are no recordings, not as many answers, or nothing was said.
    """
    if not wanted or len(wanted) != len(found):
        raise InputError(f"{len(found)} answers to {len(wanted)} recordings.", "Score at least one, and each.")
    pairs = [(plain(a.text), plain(b.text)) for a, b in zip(wanted, found, strict=True)]
    words = [(a.split(), b.split()) for a, b in pairs]
    out = [_rate("word error rate", words), _rate("character error rate", pairs)]
    apart = [_apart(a, b) for a, b in zip(wanted, found, strict=True)]
    timed = [each for each in apart if each is not None]
    if any(timed):
        out += _times(timed, of=sum(len(each.words) for each in wanted))
    return out


def plain(text: str) -> str:
    """What is compared: words in lower case without punctuation, a space between two."""
    found = twin_key(text)
    return found if any(map(str.isalnum, found)) else ""             # the key of signs alone is these signs


def _rate(name: str, pairs: Sequence[tuple[Sequence[str], Sequence[str]]]) -> Score:
    wrong, said = np.array([(edits(a, b), len(a)) for a, b in pairs]).T
    if not said.sum():
        raise InputError("nothing is said in any of the recordings, as far as their texts tell.", "Give one with words.")

    def rate(items: Sequence[int]) -> float:
        some = list(items)
        return float(100 * wrong[some].sum() / max(1, said[some].sum()))

    return _measured(name, rate, len(pairs), f"{wrong.sum():,} edits, {said.sum():,} said, {RULES}")


def _times(apart: Sequence[Sequence[float]], of: int) -> list[Score]:
    """`apart`: of each recording, how far the starts and ends of its words are from the true ones; `of`: how many words have true times."""
    drawn = [np.array(each) for each in apart]
    how = f"starts and ends of the {sum(map(len, apart)) // 2:,} of {of:,} words that were heard right"

    def over(value: Callable[[np.ndarray], np.ndarray]) -> Callable[[Sequence[int]], float]:
        return lambda items: float(value(every).mean()) if len(every := np.concatenate([drawn[i] for i in items])) else 0.0

    mean, near = over(lambda x: 1000 * x), over(lambda x: 100.0 * (x <= NEAR))
    return [
        _measured("word times, mean error in ms", mean, len(apart), how),
        _measured(f"word times within {1000 * NEAR:.0f} ms", near, len(apart), how),
    ]


def _apart(wanted: Said, found: Said) -> list[float] | None:
    """How far starts and ends are from the true ones; None where there are none to compare with."""
    if not wanted.words:
        return None
    same = kept(*([plain(word) for word, _, _ in side.words] for side in (wanted, found)))
    pairs = ((wanted.words[i], found.words[j]) for i, j in same)
    return [abs(x - y) for (_, *a), (_, *b) in pairs for x, y in zip(a, b, strict=True)]


def _measured(name: str, statistic: Callable[[Sequence[int]], float], count: int, how: str) -> Score:
    found = over_items(count, statistic)
    half = 0.0 if found.low is None or found.high is None else (found.high - found.low) / 2
    return Score(name, found.mean, half, f"{how}; bootstrap of {RESAMPLES} over {count:,} recordings")
