"""Scores of what was heard: how many words and characters are wrong, and how far the times of words are from the true ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ....data.recordings import Timed
from ....data.split import twin_key
from ....errors import InputError
from ....measure.intervals import RESAMPLES, over_items
from ..scores import Score
from .edits import edits, kept

NEAR = 0.05                              # seconds within which a time is right
TRUSTED = 0.9                            # of the attention lies at the word: see Transcribe
RULES = "lower case, no punctuation"


@dataclass(frozen=True)
class Said:
    """What was said, or heard. `words`: all of its words with their times, () where they are not known; `trusts`: how far each time heard
    is to be trusted, () where nobody says."""

    text: str
    words: tuple[Timed, ...] = ()
    trusts: tuple[float, ...] = ()


def score(wanted: Sequence[Said], found: Sequence[Said]) -> list[Score]:
    """Word and character error rate: edits for each word, or character and space, that was said, all recordings together, out of 100.
    Where times are known, those of words that were heard right: how far starts and ends are from the true ones on average, in milliseconds,
    and the share of them within NEAR, which is told apart for words with trust of TRUSTED or more and with less.

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


def _times(apart: Sequence[Sequence[_Off]], of: int) -> list[Score]:
    """`apart`: of each recording, how far the times of its words are from the true ones; `of`: how many words have true times."""
    name, every = f"word times within {1000 * NEAR:.0f} ms", [word for each in apart for word in each]
    how = f"starts and ends of the {len(every):,} of {of:,} words that were heard right"

    def over(value: Callable[[np.ndarray], np.ndarray], rows: Sequence[Sequence[_Off]]) -> Callable[[Sequence[int]], float]:
        drawn = [np.array([time for off in each for time in (off.start, off.end)]) for each in rows]
        return lambda items: float(value(some).mean()) if len(some := np.concatenate([drawn[i] for i in items])) else 0.0

    def near(times: np.ndarray) -> np.ndarray:
        return 100.0 * (times <= NEAR)

    out = [
        _measured("word times, mean error in ms", over(lambda times: 1000 * times, apart), len(apart), how),
        _measured(name, over(near, apart), len(apart), how),
    ]
    sure, less = ([[off for off in each if (off.trust >= TRUSTED) is trusted] for each in apart] for trusted in (True, False))
    if any(sure) and any(less):
        parts = ((f"trust of {TRUSTED} or more", sure), ("less trust", less))
        out += [_measured(f"{name}, {who}", over(near, rows), len(apart), f"of {sum(map(len, rows)):,} words") for who, rows in parts]
    return out


class _Off(NamedTuple):
    """How far a word's start and end are from the true ones, in seconds, and how far they are to be trusted."""

    start: float
    end: float
    trust: float


def _apart(wanted: Said, found: Said) -> list[_Off] | None:
    """Of the words that were heard right; None where there are no times to compare with."""
    if not wanted.words:
        return None
    trusts = found.trusts or (1.0,) * len(found.words)
    same = kept(*([plain(word) for word, _, _ in side.words] for side in (wanted, found)))
    pairs = ((wanted.words[i], found.words[j], trusts[j]) for i, j in same)
    return [_Off(abs(a[1] - b[1]), abs(a[2] - b[2]), trust) for a, b, trust in pairs]


def _measured(name: str, statistic: Callable[[Sequence[int]], float], count: int, how: str) -> Score:
    found = over_items(count, statistic)
    half = 0.0 if found.low is None or found.high is None else (found.high - found.low) / 2
    return Score(name, found.mean, half, f"{how}; bootstrap of {RESAMPLES} over {count:,} recordings")
