"""Filled: what could stand where something was left out of a text, with how likely each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...look.visible import column, visible
from ..result import Cells, Result

Span = tuple[int, int]


@dataclass(frozen=True)
class Guess:
    """One token for one mask. `score`: its probability among all tokens; `piece`: the token as text, with its space where it has one;
    `sequence`: the whole text with it. `target`: the word that it was scored for, "" where none was asked for; `whole`: False where
    the token is only the first of that word's."""

    score: float
    token: int
    piece: str
    sequence: str
    target: str = ""
    whole: bool = True

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, under the old pipeline's keys."""
        out: dict[str, Any] = {"score": self.score, "token": self.token, "token_str": self.piece, "sequence": self.sequence}
        return {**out, "target": self.target, "whole": self.whole} if self.target else out


@dataclass(frozen=True, kw_only=True)
class Filled(Result):
    """A text with masks. `places`: the characters of each; `guesses`: for each, best first. Masks are guessed each by itself, with the
    others still masked: probabilities of several are not those of their combination."""

    places: tuple[Span, ...]
    guesses: tuple[tuple[Guess, ...], ...]
    text: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of the scores: the targets of which only the first piece was scored."""
        parts = {(g.target, g.piece.strip()): None for row in self.guesses for g in row if not g.whole}
        return tuple(f'"{target}" is no single token here: the score is that of its first, "{piece}".' for target, piece in parts)

    def __str__(self) -> str:
        return "\n".join(line for number, _ in enumerate(self.guesses) for line in self._lines(number))

    def _lines(self, number: int) -> list[str]:
        row = self.guesses[number]
        before = f"{number + 1}  " if len(self.guesses) > 1 else ""
        words = [visible(guess.piece.strip()) for guess in row]
        width = max(map(len, words))
        return [f"{before}{g.score:.4f}  {column(word, width)}  {visible(g.sequence)}" for g, word in zip(row, words, strict=True)]

    def cells(self) -> Cells:
        """See Result."""
        best = [row[0] for row in self.guesses]
        return {"": self.text, "words": [guess.piece.strip() for guess in best], "scores": [guess.score for guess in best]}

    def to_json(self) -> dict[str, Any]:
        """See Result. One mask: the best guess, and all of them; several masks: a list of guesses for each."""
        rows = [[guess.to_json() for guess in row] for row in self.guesses]
        found: dict[str, Any] = {**rows[0][0], "all": rows[0]} if len(rows) == 1 else {"all": rows}
        out = {**found, "text": self.text, "places": [list(place) for place in self.places], **super().to_json()}
        return {**out, "notes": list(self.notes)} if self.notes else out
