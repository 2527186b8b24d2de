"""Hearing: recordings whose words are known, what a model hears in them, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ....data import Table, cell
from ....data.rows import Row
from ....errors import InputError
from ....hub import Opened
from ...transcribe import Transcribe, Transcribed, TranscribeOptions
from ..scorer import Scorer
from ..scores import Score
from .edits import edits
from .scoring import Said, Timed, plain, score

TIMES = "times"                          # the column of a table that may hold when each word is said


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recording, as a file or as samples at the model's own rate, and what is said in it."""

    sound: Path | np.ndarray
    said: Said


class Hearing(Scorer[Recorded, Transcribed]):
    """See Scorer."""

    unit: ClassVar[str] = "recordings"
    doing: ClassVar[str] = "transcribing"
    columns: ClassVar[tuple[str, str]] = ("file", "text")

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Recorded]:
        """Files, by their paths from the table's folder, and what is said in them. A column "times" may hold a start and an end in seconds
        for each word: a list of numbers, or numbers with spaces between them."""
        del opened
        file, text = map(table.column, columns)
        out = []
        for number, row in enumerate(table.rows, 1):
            name, said = (cell(row, column, where=table.where, number=number) for column in (file, text))
            where = f"{table.where}, row {number}"
            if not name:
                raise InputError(f"{where}: a text without a recording cannot be scored.", "Leave such rows out.")
            out.append(Recorded(Path(table.where).parent / name, Said(said, _times(row, said, where))))
        return out

    def answers(self, opened: Opened, examples: Sequence[Recorded], **options: object) -> list[Transcribed]:
        """What a user gets; the times of words where they are compared with something."""
        words = any(each.said.words for each in examples)
        return Transcribe(opened)([each.sound for each in examples], TranscribeOptions(words=words), **options)

    def scores(self, examples: Sequence[Recorded], answers: Sequence[Transcribed]) -> list[Score]:
        """Error rates of words and characters, and how true the times of words are."""
        heard = [Said(each.text, tuple((word.text, word.start, word.end) for word in each.words)) for each in answers]
        return score([each.said for each in examples], heard)

    def kept(self) -> dict[str, Any]:
        """See Scorer."""
        return {"file": str, "text": str, "transcription": str, "edits": int, "words": int}

    def row(self, example: Recorded, answer: Transcribed) -> dict[str, Any]:
        """See Scorer."""
        said, heard = (plain(text).split() for text in (example.said.text, answer.text))
        name = str(example.sound) if isinstance(example.sound, Path) else ""
        return {
            "file": name, "text": example.said.text, "transcription": answer.text, "edits": edits(said, heard), "words": len(said),
        }  # fmt: skip


def _times(row: Row, text: str, where: str) -> tuple[Timed, ...]:
    """When each word is said; () where the table does not tell. Raises InputError for other than two rising numbers a word."""
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
