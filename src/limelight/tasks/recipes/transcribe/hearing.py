"""Hearing: recordings whose words are known, what a model hears in them, and how much of it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ....data import Table
from ....data.recordings import recordings
from ....hub import Opened
from ...transcribe import Transcribe, Transcribed, TranscribeOptions
from ..scorer import Scorer
from ..scores import Score
from .edits import edits
from .scoring import Said, plain, score


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
        """See `recordings`: files, by their paths from the table's folder, and what is said in them."""
        del opened
        file, text = columns
        found = recordings(table, Path(table.where).parent, file=file, text=text)
        return [Recorded(each.path, Said(each.text, each.joins)) for each in found]

    def answers(self, opened: Opened, examples: Sequence[Recorded], **options: object) -> list[Transcribed]:
        """What a user gets; the times of words where they are compared with something."""
        words = any(each.said.words for each in examples)
        return Transcribe(opened)([each.sound for each in examples], TranscribeOptions(words=words), **options)

    def scores(self, examples: Sequence[Recorded], answers: Sequence[Transcribed]) -> list[Score]:
        """Error rates of words and characters, and how true the times of words are."""
        heard = [
            Said(each.text, tuple((word.text, word.start, word.end) for word in each.words), tuple(word.trust for word in each.words))
            for each in answers
        ]
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
