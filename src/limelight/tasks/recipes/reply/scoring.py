"""Scores of replies: how well the model expects what people said, and what becomes of those that it writes itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ....data.dialogues import Reply
from ....data.split import twin_key
from ....errors import InputError
from ..scores import Score, share
from ..translate.scoring import score as compared

RESAMPLES, SEED = 1000, 12345
RUN = 3                          # words that are said twice where a reply repeats itself


@dataclass(frozen=True)
class Replied:
    """What a model wrote, and whether it came to an end of its own; and of the reply that a person gave in its place, the sum of
    -ln p over its `tokens`, its end mark among them."""

    text: str
    ended: bool
    nll: float
    tokens: int


def score(examples: Sequence[Reply], answers: Sequence[Replied]) -> list[Score]:
    """Perplexity a token and a word, distinct-1 and -2, shares of replies that are cut off or repeat, and BLEU.

    Raises InputError where there are none, or not as many answers as examples.
    """
    if not examples or len(examples) != len(answers):
        raise InputError(f"{len(answers)} replies to {len(examples)} turns cannot be scored.", "Score at least one, each with its reply.")
    tokens, words = np.array([each.tokens for each in answers]), np.array([len(each.reply.split()) for each in examples])
    own, people = ([each.split() for each in texts] for texts in ([a.text for a in answers], [e.reply for e in examples]))
    distinct = [Score(f"distinct-{n}", 100 * variety(own, n), 0.0, _beside(people, n)) for n in (1, 2)]
    (bleu, *_) = compared([each.text for each in answers], [[each.reply] for each in examples])
    return [
        _perplexity("perplexity a token", examples, answers, tokens),
        _perplexity("perplexity a word", examples, answers, words),
        *distinct,
        _share("cut off", [not each.ended for each in answers], "at the most tokens that a reply may have"),
        _share("repeats itself", [*map(repeats, own)], f"{RUN} words in a row said twice in one reply"),
        _share("said before", [*map(_again, examples, answers)], "the same reply is among the turns that it follows"),
        bleu,
    ]


def variety(texts: Sequence[Sequence[str]], n: int) -> float:
    """Different runs of `n` words, by the number of all runs (Li et al. 2016, section 5: distinct-n)."""
    found = Counter(run for words in texts for run in _runs(words, n))
    return len(found) / max(1, found.total())


def repeats(words: Sequence[str]) -> bool:
    """Whether a run of words is said twice."""
    return any(count > 1 for count in Counter(_runs(words, RUN)).values())


def _runs(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(n)), strict=False)


def _again(example: Reply, answer: Replied) -> bool:
    return twin_key(answer.text) in {twin_key(turn) for turn in example.turns[1::2]}


def _beside(people: Sequence[Sequence[str]], n: int) -> str:
    return f"different of all runs of {n} in {len(people)} replies; people's own have {100 * variety(people, n):.1f}"


def _share(name: str, found: Sequence[bool], how: str) -> Score:
    return share(name, found, f"of {len(found)} replies, {how}")


def _perplexity(name: str, examples: Sequence[Reply], answers: Sequence[Replied], units: np.ndarray) -> Score:
    """exp of the mean -ln p a unit, with an interval over whole dialogues, for turns of one are alike."""
    nll = np.array([each.nll for each in answers])
    _, of = np.unique([each.dialogue for each in examples], return_inverse=True)
    sums = np.stack([np.bincount(of, nll), np.bincount(of, units)])
    draws = np.random.default_rng(SEED).integers(0, sums.shape[1], (RESAMPLES, sums.shape[1]))
    found = np.exp(sums[0][draws].sum(1) / sums[1][draws].sum(1))
    low, high = np.quantile(found, (0.025, 0.975))
    how = f"people's replies, {len(examples)} of {sums.shape[1]} dialogues, bootstrap of {RESAMPLES} over dialogues, seed {SEED}"
    return Score(name, math.exp(nll.sum() / units.sum()), float(high - low) / 2, how)
