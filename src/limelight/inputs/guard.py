"""Text that names no mark: for what a user types, wherever names of marks are read, or pieces are spelled as marks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .engines import Cut, Engine

# What breaks a name behind its first letter, and whether that letter stays: some tokenizers do not see the first, or have names of one.
BREAKS = (("\u200b", 1), (" ", 1), (" ", 0))


@dataclass(frozen=True)
class Guarded:
    """A text without names of marks; `places`: for each of its letters, and its end, the letter of the text that it was made from."""

    text: str
    places: tuple[int, ...]

    def back(self, cut: Cut, part: int) -> Cut:
        """The pieces of the guarded text as pieces of the first text."""
        spans = tuple((self.places[a], self.places[b]) if p == part else (a, b) for (a, b), p in zip(cut.spans, cut.parts, strict=True))
        return replace(cut, spans=spans)


class Guard:
    """Finds and breaks the names of an engine's marks. `unknown`: the mark that a piece beyond all others has, which names nothing."""

    def __init__(self, engine: Engine, unknown: int | None):
        usual = (engine.id(name) for name in ("<unk>", "[UNK]"))
        self._engine = engine
        self._unknown = unknown if unknown is not None else next((i for i in usual if i is not None), None)
        self._marks = engine.silent - {self._unknown}
        self._signs = engine.silent | {i for name, i in engine.names.items() if _is_sign(name)}

    def touched(self, cut: Cut) -> bool:
        """Whether a text's own pieces are marks."""
        return not self._marks.isdisjoint(i for i, part in zip(cut.ids, cut.parts, strict=True) if part is not None)

    def guarded(self, text: str, *, named: bool = True) -> Guarded:
        """The text with every name of a mark in it broken; `named`: for an engine that reads names, or for one that does not."""
        found = Guarded(text, tuple(range(len(text) + 1)))
        for between, kept in BREAKS:
            while places := self._named(found.text, named=named):
                broken = _broken(found, places, between, kept)
                if len(self._named(broken.text, named=named)) >= len(places):
                    break
                found = broken
        return found

    def _named(self, text: str, *, named: bool) -> list[int]:
        """Where a text names marks."""
        cut, out = self._engine.cut([text], marks=False, named=named)[0], []
        for i, (a, b) in zip(cut.ids, cut.spans, strict=True):
            if i in (self._signs if named else self._marks) and a < b and (i != self._unknown or text[a:b].strip() in self._engine.names):
                out.append(a + len(text[a:b]) - len(text[a:b].lstrip()))
        return out


def _is_sign(name: str) -> bool:
    """Whether a name is more than a word or white space, which some tokenizers add to their pieces too."""
    return len(name) > 1 and any(not (letter.isalnum() or letter.isspace()) for letter in name)


def _broken(found: Guarded, places: Sequence[int], between: str, kept: int) -> Guarded:
    """A text with something put behind the letters at these places, or with none of the letters kept in their stead."""
    starts, ends = [0, *(place + 1 for place in places)], [*(place + kept for place in places), len(found.text)]
    text = between.join(found.text[a:b] for a, b in zip(starts, ends, strict=True))
    origin: list[int] = []
    for a, b in zip(starts, ends, strict=True):
        origin += [*range(a, b), b]                                 # the last is for what stands between, or for the end
    return Guarded(text, tuple(found.places[i] for i in origin))
