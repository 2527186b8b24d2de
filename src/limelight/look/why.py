"""Why: the words that an answer rests on, by what they do to its score, beside the attention that they got. Plain data; no torch, no
drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .agreement import rank_correlation

SAME = 6                                 # digits; what differs by less is rounding, and a tie
LEFT_OUT, LOOKED = "leave-one-out", "attention"          # of the methods, those that are spoken of in other words
FALLS = "the fall of {of} when the word is {how}"


@dataclass(frozen=True)
class Decider:
    """One word at one place. `span`: its characters in text number `part`; `effect`: what it does to the value, less than nought where it
    speaks against it; `score`: the score without it, where that was read; `attention`: the share that it got, where there is any."""

    text: str
    span: tuple[int, int]
    part: int
    effect: float
    score: float | None
    attention: float | None


@dataclass(frozen=True)
class Standing:
    """How faithful a method was found to be with a model, on `n` texts of `measured_on`: DeYoung et al. 2020, section 4.2. `within`: half
    of the 95 % intervals of both figures; `rank`: 1 is the best `of` so many methods."""

    comprehensiveness: float
    sufficiency: float
    within: tuple[float, float]
    measured_on: str
    n: int
    rank: int
    of: int

    def __str__(self) -> str:
        place = "best" if self.rank == 1 else f"number {self.rank}"
        return (
            f"comprehensiveness {self.comprehensiveness:.2f} ± {self.within[0]:.2f}, "
            f"sufficiency {self.sufficiency:.2f} ± {self.within[1]:.2f} "
            f"on {self.n:,} texts of {self.measured_on}; {place} of {self.of}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "comprehensiveness": self.comprehensiveness,
            "comprehensiveness_within": self.within[0],
            "sufficiency": self.sufficiency,
            "sufficiency_within": self.within[1],
            "measured_on": self.measured_on,
            "n": self.n,
            "rank": self.rank,
            "of": self.of,
        }


@dataclass(frozen=True)
class Why:
    """What decided for `label`. `words`: in the order of the text; two that share a token are one. `how`: what is done with a word to do
    without it. `bare`: the score without any of the words, `change`: by how much the value falls then. `seen_by`: whose attention stands
    beside the effects. `of`: what the value is; by default the label's log-odds. `method`: how effects were told; `says`: what one is.
    `standing`: how faithful that method is with this model, where it was measured. `curve`: shares of the words, first those of the
    largest effect, and the score without them. `seconds`: how long it took to measure.
    """

    label: str
    score: float
    words: tuple[Decider, ...]
    how: Literal["masked", "left out"]
    bare: float
    change: float
    seen_by: str
    of: str = ""
    method: str = LEFT_OUT
    says: str = FALLS
    standing: Standing | None = None
    curve: tuple[tuple[float, float], ...] = ()
    seconds: float = 0.0

    @property
    def strongest(self) -> tuple[Decider, ...]:
        """The words, those of the largest effect first, whichever way it goes."""
        return tuple(sorted(self.words, key=lambda word: -abs(word.effect)))

    @property
    def agreement(self) -> float | None:
        """Spearman's rank correlation over words of attention and the size of the effect; None where there is nothing to tell: too few
        words, no attention, or nothing else."""
        seen = [round(word.attention, SAME) for word in self.words if word.attention is not None]
        if len(seen) < len(self.words) or self.method == LOOKED:
            return None
        return rank_correlation(seen, [round(abs(word.effect), SAME) for word in self.words])

    @property
    def total(self) -> float:
        """The sum of the effects."""
        return sum((word.effect for word in self.words), 0.0)

    @property
    def trust(self) -> tuple[str, ...]:
        """How far to trust the attention, the effects of single words, and the method."""
        single = f"; single words' effects sum to {self.total:+.2f}" if self.method == LEFT_OUT else ""
        return (
            *self._agreement(),
            f"All words {self.how}: score {self.bare:.4f}, effect {self.change:+.2f}{single}.",
            f"Faithfulness of {self.method}: {self.standing or 'not measured for this model'}.",
        )

    @property
    def measured(self) -> str:
        """What an effect is, and whose attention stands beside it."""
        value = self.of or f"the log-odds of {self.label}"
        beside = f" Attention: {self.seen_by}." if self.seen_by else ""
        return f"Effect: {self.says.format(of=value, how=self.how)}.{beside}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "method": self.method,
            "of": (self.of or f"log-odds of {self.label}").removeprefix("the "),
            "label": self.label,
            "score": self.score,
            "how": self.how,
            "words": [_as_json(word) for word in self.words],
            "bare": self.bare,
            "change": round(self.change, 6),
            "total": round(self.total, 6),
            "seen_by": self.seen_by,
            "agreement": None if self.agreement is None else round(self.agreement, 6),
            "faithfulness": None if self.standing is None else self.standing.to_json(),
            "curve": [[share, score] for share, score in self.curve],
            "measured": self.measured,
            "trust": " ".join(self.trust),
            "said": [self.measured, *self.trust],
        }

    def _agreement(self) -> tuple[str, ...]:
        if self.method == LOOKED or not self.seen_by:
            return ()
        count, agreement = len(self.words), self.agreement
        said = "cannot be told" if agreement is None else f"{agreement:+.2f} (+1: they rank words alike, 0: not at all)"
        return (f"Agreement of attention with effect over {count} word{'s' * (count != 1)}: rank correlation {said}.",)


def _as_json(word: Decider) -> dict[str, Any]:
    return {
        "text": word.text,
        "span": list(word.span),
        "part": word.part,
        "effect": round(word.effect, 6),
        "score": word.score,
        "attention": None if word.attention is None else round(word.attention, 6),
    }
