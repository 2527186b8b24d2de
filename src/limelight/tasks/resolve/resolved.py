"""Resolved: what a pronoun most likely stands for, by how likely the text is with each candidate in its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...look.visible import column, visible
from ..reading.places import Span
from ..result import Cells, Result
from .pointing import Pointing


@dataclass(frozen=True)
class Candidate:
    """One candidate. `score`: the log-likelihood, as `way` says; `share`: the softmax of all candidates' scores; `tokens`: how many were
    scored; `sentence`: the text that they stand in; `mentions`: where the source names the candidate; `attention`: what the pronoun gives
    to those, the mean of all heads, None where it sees none."""

    text: str
    score: float
    share: float
    tokens: int
    sentence: str
    mentions: tuple[Span, ...]
    attention: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**vars(self), "mentions": [list(each) for each in self.mentions]}


@dataclass(frozen=True, kw_only=True)
class Resolved(Result):
    """The candidates of a pronoun, likeliest first. `place`: the pronoun's characters; `way`: what was scored; `window`: the characters of
    a long text that the model was given; `pointing`: the attention, None where the pronoun sees fewer than two candidates' mentions;
    `measured`: how often the model is right where people have told what pronouns stand for."""

    pronoun: str
    place: Span
    candidates: tuple[Candidate, ...]
    way: str
    pointing: Pointing | None
    window: Span | None = None
    measured: str = ""

    @property
    def answer(self) -> str:
        """The likeliest candidate."""
        return self.candidates[0].text

    @property
    def margin(self) -> float:
        """By how much of the whole the likeliest is ahead of the next: 0 for a tie, 1 for certain."""
        return self.candidates[0].share - self.candidates[1].share

    @property
    def agreement(self) -> float | None:
        """How far the attention ranks the candidates as the likelihood does: 1 wholly, 0.5 by chance, 0 the other way round."""
        return None if self.pointing is None else self.pointing.agreement

    @property
    def trust(self) -> str:
        """How far the attention can be trusted."""
        return "attention: the pronoun sees fewer than two of the candidates" if self.pointing is None else self.pointing.trust

    def __str__(self) -> str:
        a, b = self.place
        names = [visible(each.text) for each in self.candidates]
        width = max(map(len, names))
        rows = [f"{each.share:.3f}  {column(name, width)}{_told(each)}" for each, name in zip(self.candidates, names, strict=True)]
        head = f'"{visible(self.pronoun)}" at {a}-{b}: {names[0]}, {self.margin:.3f} ahead'
        return "\n".join([head, *rows, f"score: {self.way}", self.trust, *filter(None, [visible(self.measured)])])

    def cells(self) -> Cells:
        """See Result."""
        return {"": self.answer, "share": self.candidates[0].share, "margin": self.margin, "agreement": self.agreement}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        return {
            "answer": self.answer,
            "margin": self.margin,
            "pronoun": self.pronoun,
            "place": list(self.place),
            "candidates": [each.to_json() for each in self.candidates],
            "way": self.way,
            "attention": self._attention(),
            "agreement": self.agreement,
            "trust": self.trust,
            "measured": self.measured,
            "window": None if self.window is None else list(self.window),
            **super().to_json(),
        }

    def _attention(self) -> dict[str, Any] | None:
        """By layer, with the names of the candidates that the pronoun sees, in the order of the numbers."""
        names = [each.text for each in self.candidates if each.attention is not None]
        return None if self.pointing is None else {"candidates": names, **self.pointing.to_json()}


def _told(candidate: Candidate) -> str:
    seen = "" if candidate.attention is None else f"  attention {candidate.attention:.4f}"
    return f"  {candidate.score:9.4f}{seen}"
