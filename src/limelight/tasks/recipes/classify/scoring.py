"""Scores of classifiers: how often they are right, class by class, and how far they can be believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ....errors import InputError
from ..scores import Score

BINS, RESAMPLES, SEED = 15, 1000, 12345

Odds = Float[np.ndarray, "n c"]
Truth = Int[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier said of the texts of one set: `odds`, the probability of each class; `truth`, the class that each is of."""

    of: str
    odds: Odds
    truth: Truth

    def __post_init__(self) -> None:
        if not len(self.odds) or len(self.odds) != len(self.truth):
            raise InputError(f"{len(self.odds)} answers for {len(self.truth)} texts of {self.of}.", "Score at least one text.")


def score(answers: Answers) -> list[Score]:
    """Accuracy; balanced accuracy, the mean over classes of how many of their texts are found; and the expected calibration error."""
    how = f"{len(answers.truth)} texts, bootstrap of {RESAMPLES}, seed {SEED}"
    named = (
        ("accuracy", accuracy, how),
        ("balanced accuracy", balanced, how),
        ("calibration error", calibration_error, f"{how}, {BINS} bins of equal width"),
    )
    return [_measured(f"{name}, {answers.of}", measure, answers, said) for name, measure, said in named]


def accuracy(odds: Odds, truth: Truth) -> float:
    """The share of texts whose likeliest class is right."""
    return float((odds.argmax(1) == truth).mean())


def balanced(odds: Odds, truth: Truth) -> float:
    """The mean, over the classes that are there, of the share of their texts that is found (Brodersen et al. 2010)."""
    right = odds.argmax(1) == truth
    return float(np.mean([right[truth == each].mean() for each in np.unique(truth)]))


def calibration_error(odds: Odds, truth: Truth) -> float:
    """How far the probability of the likeliest class is from how often it is right: the mean over bins of equal width, by their texts
    (Guo et al. 2017, equation 3)."""
    sure, right = odds.max(1), odds.argmax(1) == truth
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    apart = np.bincount(bins, sure - right, BINS)
    return float(np.abs(apart).sum() / len(truth))


def _measured(name: str, measure: Callable[[Odds, Truth], float], answers: Answers, how: str) -> Score:
    random = np.random.default_rng(SEED)
    draws = random.integers(0, len(answers.truth), (RESAMPLES, len(answers.truth)))
    found = [measure(answers.odds[draw], answers.truth[draw]) for draw in draws]
    low, high = np.quantile(found, (0.025, 0.975))
    return Score(name, 100 * measure(answers.odds, answers.truth), 50 * float(high - low), how)


def by_set(names: Sequence[str], odds: Odds, truth: Truth) -> list[Answers]:
    """Answers set by set, in the order in which sets come."""
    each = np.array(names)
    return [Answers(name, odds[each == name], truth[each == name]) for name in dict.fromkeys(names)]
