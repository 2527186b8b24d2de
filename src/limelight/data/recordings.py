"""Recordings with what is said in them: rows of a table, a file and a text each, perhaps with when its words are said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from ..errors import InputError
from ..inputs.sounds import open_sound
from .disturbing import Samples
from .rows import Row, Table, cell

RATE = 16_000  # at which a file is gone through whose header does not say how long it is
TIMES = "times"  # the column that may hold when each word is said

Timed = tuple[str, float, float]  # a word, with its start and end in seconds


@dataclass(frozen=True, eq=False)
class Recording:
    """A file, what is said in it, and each word with its times: () where they are not known."""

    path: Path
    text: str
    joins: tuple[Timed, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it takes, as its header says. Raises InputError for a file that cannot be read."""
        return self._seconds

    @cached_property
    def _seconds(self) -> float:
        sound = open_sound(self.path, RATE)
        return len(sound.whole()) / RATE if sound.seconds is None else sound.seconds

    def sound(self, rate: int) -> Samples:
        """The samples, `rate` a second. Raises InputError for a file that cannot be read."""
        return open_sound(self.path, rate).whole()


def recordings(table: Table, folder: Path, *, file: str, text: str) -> list[Recording]:
    """The rows of a table, in their order: paths count from `folder`. A column "times" may hold a start and an end in seconds for each
    word: a list of numbers, or numbers with spaces between them.

    Raises InputError for a row without a file, or with times other than two rising numbers a word.
    """
    named, said = table.column(file), table.column(text)
    out = []
    for number, row in enumerate(table.rows, 1):
        name, words = (cell(row, column, where=table.where, number=number) for column in (named, said))
        where = f"{table.where}, row {number}"
        if not name:
            raise InputError(f"{where}: a text without a recording.", "Leave such rows out.")
        out.append(Recording(folder / name, words, _times(row, words, where)))
    return out


def _times(row: Row, text: str, where: str) -> tuple[Timed, ...]:
    """When each word is said; () where the table does not tell."""
    told = row.get(TIMES)
    if told in (None, "", []):
        return ()
    try:
        numbers = [float(each) for each in (told.split() if isinstance(told, str) else told)]
    except (TypeError, ValueError):
        raise InputError(f"{where}: {TIMES} are seconds: got {told!r:.60}.", 'Write "0.00 0.41 0.41 0.80".') from None
    words = text.split()
    if len(numbers) != 2 * len(words) or not all(0 <= a <= b < float("inf") for a, b in pairwise(numbers)):
        said = f"{len(words)} words want a start and an end each, rising: got {len(numbers)} numbers"
        raise InputError(f"{where}: {said}.", f"Give {2 * len(words)} in {TIMES}, or leave them out.")
    return tuple(zip(words, numbers[::2], numbers[1::2], strict=True))
