"""Texts with labels, from several sets: divided so that nothing of a held-out text is learnt, nor a near copy of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import InputError
from .near import near_copies
from .split import lot, twin_key


class Opinion(NamedTuple):
    """A text, and the label that its author or an annotator gave it."""

    text: str
    label: str


@dataclass(frozen=True)
class Judged:
    """A text with its label, and the name of the set that it is of."""

    text: str
    label: str
    of: str


@dataclass(frozen=True)
class Aside:
    """How many texts of a set are set aside. `also`: what other labels count as in training."""

    test: int
    valid: int
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Parts:
    """The three parts, set by set. `near`: how many texts were left out of training as near copies of held-out ones."""

    train: list[Judged]
    valid: list[Judged]
    test: list[Judged]
    near: int = 0


def set_aside(sets: Mapping[str, Sequence[Opinion]], aside: Mapping[str, Aside], *, labels: Iterable[str], seed: int) -> Parts:
    """Draw the held-out texts of each set by `seed`; all others are for training, near copies of held-out ones (of any set) too.

    Texts with other labels than `labels` are left out, or only learnt from, as `also` says. Of texts that differ only in case, punctuation
    or spacing, one is kept, unless they disagree about the label: then none is. What is drawn depends on the seed and on the set of
    texts, not on their order. Raises InputError for a set with too few texts.
    """
    known, parts = set(labels), Parts([], [], [])
    for name, opinions in sets.items():
        found, wanted = _drawn(_unique(opinions, known), seed), aside[name]
        if len(found) < wanted.test + wanted.valid:
            few = f"the set {name} has {len(found)} texts: {wanted.test} + {wanted.valid} cannot be set aside."
            raise InputError(few, "Ask for fewer.")
        judged = [Judged(one.text, one.label, name) for one in found]
        parts.test.extend(judged[: wanted.test])
        parts.valid.extend(judged[wanted.test : wanted.test + wanted.valid])
        parts.train.extend(judged[wanted.test + wanted.valid :])
        more = _unique((Opinion(one.text, wanted.also[one.label]) for one in opinions if one.label in wanted.also), known)
        parts.train.extend(Judged(one.text, one.label, name) for one in _drawn(more, seed))
    held = {each.text for each in parts.test}
    return Parts(parts.train, _apart(parts.valid, held), parts.test)


def without_copies(parts: Parts) -> Parts:
    """The same without those training texts that are near copies of held-out ones; reading all of them takes seconds."""
    train = _apart(parts.train, {each.text for each in (*parts.valid, *parts.test)})
    return Parts(train, parts.valid, parts.test, near=len(parts.train) - len(train))


def _apart(some: list[Judged], held: Iterable[str]) -> list[Judged]:
    near = near_copies([each.text for each in some], held)
    return [each for place, each in enumerate(some) if place not in near]


def _unique(opinions: Iterable[Opinion], known: set[str]) -> dict[str, Opinion]:
    """One text for each key, where all that share it have one label."""
    found: dict[str, Opinion] = {}
    odd = set[str]()
    for one in opinions:
        if one.label in known and found.setdefault(key := twin_key(one.text), one).label != one.label:
            odd.add(key)
    return {key: one for key, one in found.items() if key not in odd}


def _drawn(found: Mapping[str, Opinion], seed: int) -> list[Opinion]:
    return [found[key] for key in sorted(found, key=lambda key: lot(seed, key))]
