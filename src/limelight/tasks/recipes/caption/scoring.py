"""Scores of captions: whether what they say of a scene is so, and whether a picture's own text is told from others."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....data.scenes import agree, read
from ....data.shown import Example, Filed, Painted
from ....data.split import twin_key
from ....errors import InputError
from ....measure.intervals import RESAMPLES, over_items
from ..scores import Score, share

NOVEL, KNOWN = "new kinds", "known kinds"
BEST = 5


@dataclass(frozen=True)
class Answered:
    """What was said of a picture, and at which place its own text comes among those of `among` pictures; None where nobody asked."""

    text: str
    place: int | None = None
    among: int = 0


def score(examples: Sequence[Example], answers: Sequence[Answered]) -> list[Score]:
    """Scores of scenes, and of files. Raises InputError where there are none, or not as many answers as pictures."""
    if not examples or len(examples) != len(answers):
        raise InputError(f"{len(answers)} captions of {len(examples)} pictures cannot be scored.", "Score at least one, and each.")
    pairs = list(zip(examples, answers, strict=True))
    painted = [(each, answer.text) for each, answer in pairs if isinstance(each, Painted)]
    filed = [(each, answer) for each, answer in pairs if isinstance(each, Filed)]
    return _of_scenes(painted) + (_of_files(filed) if filed else [])


def _of_scenes(pairs: Sequence[tuple[Painted, str]]) -> list[Score]:
    """The share of captions that name every thing of a scene by its size, colour and shape, none beside, and tell no relation that is not
    so; of scenes with a kind of thing that no scene to learn from has, and of others."""
    found = [(each.novel, agree(read(caption), each.scene)) for each, caption in pairs]
    out = []
    for name, novel in ((NOVEL, True), (KNOWN, False)):
        some = [right for of, right in found if of == novel]
        if some:
            how = f"of {len(some)} scenes, by rule"
            out += [
                share(f"exact captions, {name}", [each.all for each in some], how),
                share(f"all things right, {name}", [each.things for each in some], how),
                share(f"all relations right, {name}", [each.relations for each in some], how),
            ]
    return out


def _of_files(pairs: Sequence[tuple[Filed, Answered]]) -> list[Score]:
    """The share of captions that are one of the picture's texts word for word, and of those that have a word in common with its first; and
    at which place the first text of each picture comes among those of all (see `matching`)."""
    keys = [(twin_key(answer.text), [twin_key(text) for text in each.texts]) for each, answer in pairs]
    n = len(pairs)
    return [
        share("named exactly", [said in texts for said, texts in keys], f"of {n} pictures, one of their texts word for word"),
        share("a word in common", [bool({*said.split()} & {*texts[0].split()}) for said, texts in keys], f"of {n}, with the first text"),
        *matched([answer.place for _, answer in pairs if answer.place is not None], max(answer.among for _, answer in pairs)),
    ]


def matched(places: Sequence[int], n: int, what: str = "own text") -> list[Score]:
    """How well each picture's own text is told from those of `n`; chance is stated. Nothing, where nobody asked."""
    if not places:
        return []
    inverse = np.array([1 / place for place in places])
    found = over_items(len(places), lambda items: float(100 * inverse[list(items)].mean()))
    half = 0.0 if found.low is None or found.high is None else (found.high - found.low) / 2
    chance = sum(1 / place for place in range(1, n + 1)) / n
    return [
        share(f"{what} first", [place == 1 for place in places], f"among {n} texts; by chance {100 / n:.1f}"),
        share(
            f"{what} among the first {BEST}",
            [place <= BEST for place in places],
            f"among {n} texts; by chance {min(100, 100 * BEST / n):.1f}",
        ),
        Score(f"{what}, mean reciprocal rank", found.mean, half, f"by chance {100 * chance:.1f}; bootstrap of {RESAMPLES}"),
        Score(f"{what}, median place", float(statistics.median(places)), 0.0, f"among {n}; by chance {(n + 1) / 2:.0f}"),
    ]

