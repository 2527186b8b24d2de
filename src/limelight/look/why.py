"""Why: the words that decided a class, by measured effect, beside the attention that they got. Plain data; no torch, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .agreement import rank_correlation

SAME = 6                                 # digits; what differs by less is rounding, and a tie


@dataclass(frozen=True)
class Decider:
    """One word at one place. `span`: its characters in text number `part`; `effect`: by how much the label's log-odds fall without it,
    less than nought where it speaks against the label; `score`: the label's score then; `attention`: the share that it got."""

    text: str
    span: tuple[int, int]
    part: int
    effect: float
    score: float
    attention: float


@dataclass(frozen=True)
class Why:
    """What decided for `label`. `words`: in the order of the text; two that share a token are one. `how`: what was done with a word to
    do without it. `bare`: the label's score without any of the words, `change`: by how much its log-odds fall then. `seen_by`: whose
    attention stands beside the effects. `quantity`: the score is no probability, and falls itself where log-odds would. `seconds`:
    how long it took to measure.
    """

    label: str
    score: float
    words: tuple[Decider, ...]
    how: Literal["masked", "left out"]
    bare: float
    change: float
    seen_by: str
    quantity: bool = False
    seconds: float = 0.0

    @property
    def strongest(self) -> tuple[Decider, ...]:
        """The words, those of the largest effect first, whichever way it goes."""
        return tuple(sorted(self.words, key=lambda word: -abs(word.effect)))

    @property
    def agreement(self) -> float | None:
        """Spearman's rank correlation over words of attention and the size of the effect; None where there are too few to tell."""
        seen = [round(word.attention, SAME) for word in self.words]
        return rank_correlation(seen, [round(abs(word.effect), SAME) for word in self.words])

    @property
    def total(self) -> float:
        """The sum of the effects."""
        return sum((word.effect for word in self.words), 0.0)

    @property
    def trust(self) -> tuple[str, str]:
        """How far to trust the attention, and how far the effects of single words."""
        count, agreement = len(self.words), self.agreement
        said = "cannot be told" if agreement is None else f"{agreement:+.2f} (+1: they rank words alike, 0: not at all)"
        return (
            f"Agreement of attention with effect over {count} word{'s' * (count != 1)}: rank correlation {said}.",
            f"All words {self.how}: score {self.bare:.4f}, effect {self.change:+.2f}; single words' effects sum to {self.total:+.2f}.",
        )

    @property
    def measured(self) -> str:
        """What an effect is, and whose attention stands beside it."""
        what = self.label if self.quantity else f"the log-odds of {self.label}"
        return f"Effect: the fall of {what} when the word is {self.how}. Attention: {self.seen_by}."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "label": self.label,
            "score": self.score,
            "how": self.how,
            "words": [_as_json(word) for word in self.words],
            "bare": self.bare,
            "change": round(self.change, 6),
            "total": round(self.total, 6),
            "seen_by": self.seen_by,
            "agreement": None if self.agreement is None else round(self.agreement, 6),
            "measured": self.measured,
            "trust": " ".join(self.trust),
        }


def _as_json(word: Decider) -> dict[str, Any]:
    return {
        "text": word.text,
        "span": list(word.span),
        "part": word.part,
        "effect": round(word.effect, 6),
        "score": word.score,
        "attention": round(word.attention, 6),
    }
