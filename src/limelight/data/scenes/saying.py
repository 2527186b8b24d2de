"""A scene in words, in many ways, and such words read back: one table serves both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from .things import COLOURS, Kind, Relation, Scene, Shape, relation

SIZED = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
SHAPED: dict[Shape, tuple[str, ...]] = {
    "circle": ("circle", "disc"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "cross": ("cross", "plus"),
}
RELATED: dict[Relation, tuple[str, ...]] = {
    "left": ("left of", "to the left of"),
    "right": ("right of", "to the right of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
ITSELF: dict[Relation, tuple[str, ...]] = {
    "left": ("to its left", "on its left"),
    "right": ("to its right", "on its right"),
    "above": ("above it", "over it"),
    "below": ("below it", "under it"),
}
ONE = ("{a}", "there is {a}", "a picture of {a}", "this is {a}", "we see {a}")
TWO = ("{a} {r} {b}", "there is {a} {r} {b}", "{a} is {r} {b}", "{r} {b} there is {a}", "{b} with {a} {t}", "there is {b} and {t} {a}")
MORE = ("{two}, and {c} {r} {d}", "{two}; {c} is {r} {d}", "{two}. there is also {c} {r} {d}")    # d was named before: the ...


class Told(NamedTuple):
    """What a text says: kinds of things, and (first, relation, second) by their numbers."""

    kinds: tuple[Kind, ...]
    relations: tuple[tuple[int, Relation, int], ...]


def say(scene: Scene, *, seed: int, index: int, plain: bool = False) -> str:
    """The scene in words, in small letters and without a full stop; which words is drawn by the number, or `plain`: always the first."""
    random = np.random.default_rng([seed, index, 3])
    pick = _Pick(random, plain)
    names = [pick.name(thing.kind) for thing in scene.things]
    if len(names) == 1:
        return pick.of(ONE).format(a=f"a {names[0]}")
    first = pick.pair(scene, scene.said[0], names)
    if len(names) == 2:
        return first
    c, d = scene.said[1]
    related = pick.of(RELATED[relation(scene.things[c], scene.things[d])])
    return pick.of(MORE).format(two=first, c=f"a {names[c]}", r=related, d=f"the {names[d]}")


def read(text: str) -> Told | None:
    """What such a text says; None for one that is not of this form, which a capital or a full stop does not change."""
    text = " ".join(text.lower().split()).rstrip(". ")
    for found in _matches(ONE, text):
        return Told((_kind(found["a"]),), ())
    if (pair := _pair(text)) is not None:
        return pair
    for found in _matches(MORE, text):
        two, third, named = _pair(found["two"]), _kind(found["c"]), _kind(found["d"])
        if two is not None and named in two.kinds:
            return Told((*two.kinds, third), (*two.relations, (2, _MEANT[found["r"]], two.kinds.index(named))))
    return None


class _Pick:
    """Words drawn one after the other."""

    def __init__(self, random: np.random.Generator, plain: bool):
        self._random, self._plain = random, plain

    def of(self, words: tuple[str, ...]) -> str:
        return words[0 if self._plain else int(self._random.integers(len(words)))]

    def name(self, kind: Kind) -> str:
        return f"{self.of(SIZED[kind.size])} {kind.colour} {self.of(SHAPED[kind.shape])}"

    def pair(self, scene: Scene, said: tuple[int, int], names: list[str]) -> str:
        """The pair as it is told of, or turned round."""
        a, b = said if self._random.random() < 0.5 else said[::-1]
        how = relation(scene.things[a], scene.things[b])
        form = self.of(TWO)
        return form.format(a=f"a {names[a]}", b=f"a {names[b]}", r=self.of(RELATED[how]), t=self.of(ITSELF[how]))


def _pair(text: str) -> Told | None:
    for found in _matches(TWO, text):
        parts = found.groupdict()
        return Told((_kind(parts["a"]), _kind(parts["b"])), ((0, _MEANT[parts.get("r") or parts["t"]], 1),))
    return None


def _kind(name: str) -> Kind:
    _, size, colour, shape = name.split()
    return Kind(_SIZE[size], colour, _SHAPE[shape])


def _matches(forms: tuple[str, ...], text: str) -> Iterator[re.Match[str]]:
    return (found for pattern in _patterns(forms) if (found := pattern.fullmatch(text)) is not None)


@cache
def _patterns(forms: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    name = rf"(?:a|the) (?:{_any(_SIZE)}) (?:{_any(COLOURS)}) (?:{_any(_SHAPE)})"
    related = _any(each for table in (RELATED, ITSELF) for words in table.values() for each in words)
    holes = {"a": name, "b": name, "c": name, "d": name, "r": related, "t": related, "two": ".+"}
    return tuple(re.compile(re.sub(r"\\{(\w+)\\}", lambda hole: f"(?P<{hole[1]}>{holes[hole[1]]})", re.escape(form))) for form in forms)


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_SIZE = {word: size for size, words in SIZED.items() for word in words}
_SHAPE: dict[str, Shape] = {word: shape for shape, words in SHAPED.items() for word in words}
_MEANT: dict[str, Relation] = {word: how for table in (RELATED, ITSELF) for how, words in table.items() for word in words}
