"""Spoken digits joined to strings: what was said, and when each digit begins and ends, known to the sample."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from jaxtyping import Float

from ..errors import InputError
from ..inputs.sounds import open_sound

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 8_000                             # samples a second of the recordings
HELD = range(5)                          # the takes of each speaker and digit that are for testing (the data set's own README)
SHORTEST, LONGEST = 1, 8                 # digits of a string
QUIET = 0.02                             # of the loudest frame: what is below at either end is silence
FRAME = 0.01                             # seconds that loudness is taken of
FADE = 0.004                             # seconds that a clip takes to come and to go, so that a join is no click
_NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")

Samples = Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Clip:
    """One digit as one person said it once: `samples`, RATE a second, without silence at its ends."""

    digit: int
    speaker: str
    take: int
    samples: Samples


class Join(NamedTuple):
    """A digit in a string, in seconds."""

    word: str
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class Spoken:
    """A string of digits: clips that one person said, one after another, with `pauses` in seconds between them."""

    clips: tuple[Clip, ...]
    pauses: tuple[float, ...]

    @property
    def text(self) -> str:
        """In words: "seven two two"."""
        return " ".join(WORDS[each.digit] for each in self.clips)

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self.joins[-1].end

    @property
    def joins(self) -> tuple[Join, ...]:
        """Each digit with its times, of the samples that `sound` gives."""
        out, at = list[Join](), 0
        for clip, pause in zip(self.clips, (*self.pauses, 0.0), strict=True):
            out.append(Join(WORDS[clip.digit], at / RATE, (at + len(clip.samples)) / RATE))
            at += len(clip.samples) + round(pause * RATE)
        return tuple(out)

    def sound(self, rate: int = RATE) -> Samples:
        """The samples, `rate` a second."""
        parts = list[Samples]()
        for clip, pause in zip(self.clips, (*self.pauses, 0.0), strict=True):
            parts += [_faded(clip.samples), np.zeros(round(pause * RATE), np.float32)]
        whole = np.concatenate(parts)
        return whole if rate == RATE else soxr.resample(whole, RATE, rate)


def read_digits(folder: Path, *, quiet: float = QUIET) -> list[Clip]:
    """All recordings of a folder in the form of the Free Spoken Digit Dataset (DIGIT_SPEAKER_TAKE.wav, 8,000 samples a second), by digit,
    speaker and take. `quiet`: frames at the ends that are softer than this share of the loudest are silence, and are left out.

    Raises InputError for a folder without recordings, and for a file that has another name or cannot be read.
    """
    paths = sorted(folder.glob("*.wav"))
    if not paths:
        raise InputError(f"{folder} holds no recordings.", "Give the folder of the .wav files: free_spoken_digits/recordings.")
    clips = [_clip(path, quiet) for path in paths]
    return sorted(clips, key=lambda each: (each.digit, each.speaker, each.take))


def by_take(clips: Sequence[Clip], held: Collection[int] = HELD) -> tuple[list[Clip], list[Clip]]:
    """What is learnt from and what is tested on: by the number of the take, as the data set's README says. Raises InputError where either
    is empty."""
    return _parted(clips, [each.take in held for each in clips], f"takes {sorted(held)}")


def by_speaker(clips: Sequence[Clip], held: str) -> tuple[list[Clip], list[Clip]]:
    """The same with one person held out, who is not heard before. Raises InputError for one who is not there."""
    return _parted(clips, [each.speaker == held for each in clips], f"speaker {held}")


def strings(
    clips: Sequence[Clip], *, seed: int, turn: int = 0, longest: int = LONGEST, pause: float = 0.0, close: float = 0.0
) -> list[Spoken]:
    """All clips once, as strings of SHORTEST to `longest` digits by one person each; the same for the same `seed`, `turn` and clips, and
    other strings for another turn. `pause`: seconds at most between two digits; 0 joins them end to end, as the share `close` of
    strings is whatever it says.

    A person's last string may be shorter than was drawn. Raises InputError for strings of no digits.
    """
    if longest < SHORTEST or not 0.0 <= pause <= 60.0:
        raise InputError(f"strings have {SHORTEST} digit or more, and pauses of 0 to 60 s: got {longest}, {pause}.", "Give other numbers.")
    random = np.random.default_rng([seed, turn])
    out = list[Spoken]()
    for speaker in sorted({each.speaker for each in clips}):
        left = [each for each in clips if each.speaker == speaker]
        left = [left[i] for i in random.permutation(len(left))]
        while left:
            size = int(random.integers(SHORTEST, longest + 1))
            said, left = left[:size], left[size:]
            most = 0.0 if close and random.random() < close else pause
            out.append(Spoken(tuple(said), tuple(random.uniform(0.0, most, len(said) - 1).tolist())))
    return [out[i] for i in random.permutation(len(out))]


def trimmed(samples: Samples, quiet: float = QUIET) -> Float[np.ndarray, " t"]:
    """From the first frame to the last that is not silent; what is silent throughout stays as it is."""
    size = round(FRAME * RATE)
    frames = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    loud = np.sqrt((frames**2).mean(1))
    heard = np.flatnonzero(loud > quiet * loud.max(initial=0.0))
    return samples[heard[0] * size : (heard[-1] + 1) * size] if len(heard) else samples


def _clip(path: Path, quiet: float) -> Clip:
    if (named := _NAME.fullmatch(path.name)) is None:
        raise InputError(f"{path} is no recording of a digit.", "Its name is DIGIT_SPEAKER_TAKE.wav, for instance 7_jackson_32.wav.")
    sound = open_sound(path, RATE)
    if not len(found := trimmed(sound.whole(), quiet)):
        raise InputError(f"{path} is empty.", "Get the data set again.")
    return Clip(int(named[1]), named[2], int(named[3]), found)


def _parted(clips: Sequence[Clip], aside: Sequence[bool], what: str) -> tuple[list[Clip], list[Clip]]:
    learnt, held = ([clip for clip, away in zip(clips, aside, strict=True) if away == part] for part in (False, True))
    if not learnt or not held:
        lack = "nothing is left to learn from" if held else "there is nothing to hold out"
        raise InputError(f"{what} of {len(clips):,} clips: {lack}.", "Hold out others.")
    return learnt, held


def _faded(samples: Samples) -> Samples:
    size = min(round(FADE * RATE), len(samples) // 2)
    slope = (np.arange(size, dtype=np.float32) + 1) / (size + 1)
    out = samples.copy()
    out[:size] *= slope
    out[len(out) - size :] *= slope[::-1]
    return out

