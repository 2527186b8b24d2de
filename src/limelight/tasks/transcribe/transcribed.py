"""Transcribed: what was said, and when."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from ..result import Cells, Result
from .subtitles import srt, vtt


@dataclass(frozen=True)
class Word:
    """A word, from `start` to `end` in seconds. `probability`: how likely the model held it. `trust`: how far the times can be trusted:
    the share of what the heads that align looked at while they wrote it that lies within these times and a tenth of a second around; near
    1 they agree on the place, near nought they looked elsewhere, and the times are those of its neighbours."""

    text: str
    start: float
    end: float
    probability: float
    trust: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        times = {"start": round(self.start, 3), "end": round(self.end, 3)}
        return {"text": self.text, **times, "probability": round(self.probability, 6), "trust": round(self.trust, 4)}


@dataclass(frozen=True)
class Segment:
    """What was said from `start` to `end`, in seconds. `words`: () where they were not asked for. `spaced`: whether a space stands before
    it where another goes before."""

    text: str
    start: float
    end: float
    words: tuple[Word, ...] = ()
    spaced: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        out = {"text": self.text, "start": round(self.start, 3), "end": round(self.end, 3)}
        return {**out, "words": [word.to_json() for word in self.words]} if self.words else out


@dataclass(frozen=True, kw_only=True)
class Transcribed(Result):
    """A recording in words. `language`: by its code, "" of a model that knows but one; `detected`: how likely it was held, where it was not
    told; `duration`: of the recording, in seconds."""

    segments: tuple[Segment, ...]
    duration: float
    language: str = ""
    detected: float | None = None

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(" " * (each.spaced and i > 0) + each.text for i, each in enumerate(self.segments))

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all segments."""
        return tuple(word for segment in self.segments for word in segment.words)

    def __str__(self) -> str:
        return self.text

    def cells(self) -> Cells:
        """See Result."""
        return {"": self.text}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        out = {"text": self.text, **super().to_json(), "duration": round(self.duration, 3)}
        if self.language:
            out["language"] = self.language
        if self.detected is not None:
            out["language_probability"] = round(self.detected, 6)
        return {**out, "segments": [each.to_json() for each in self.segments]}

    def srt(self) -> str:
        """As subtitles in SubRip's form."""
        return srt((each.text, each.start, each.end) for each in self.segments)

    def vtt(self) -> str:
        """As subtitles in WebVTT's form, with the time of each word where words are there."""
        return vtt((each.text, each.start, each.end, [(w.text, w.start) for w in each.words]) for each in self.segments)

    def _repr_html_(self) -> str:
        rows = (f"<tr><td>{each.start:.2f}</td><td>{each.end:.2f}</td><td>{html.escape(each.text)}</td></tr>" for each in self.segments)
        return f"<table>{''.join(rows)}</table>"
