"""Scenes made by number: the same seed and index give the same scene, on any machine."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .things import COLOURS, SHAPES, SIZES, Kind, Scene, Thing

COUNTS = (0.25, 0.5, 0.25)               # of scenes with one, two and three things
SPREAD = 0.08                            # by how much of it a reach differs from its size's
EDGE, GAP = 0.03, 0.05                   # what is free at the edges, and between two things
CLEAR = 0.1                              # by how much a pair that is told of is further apart along one axis than along the other
TRIES = 500


class Kinds(NamedTuple):
    """All kinds of things, in two parts: those in scenes to learn from, and those that are kept back."""

    learnt: tuple[Kind, ...]
    held: tuple[Kind, ...]


def kinds(held: int, seed: int = 0) -> Kinds:
    """Keep so many kinds back, spread over shapes, colours and sizes: each of these is still learnt from others.

    Raises InputError where more are asked for than there are places in the table of shapes and colours.
    """
    most = len(SHAPES) * len(COLOURS)
    if not 0 <= held <= most // 2:
        raise InputError(f"of {most} pairs of a shape and a colour at most {most // 2} lose a size: got held={held}.", "Hold fewer back.")
    random = np.random.default_rng([seed, 1])
    rows, columns = random.permutation(len(SHAPES)), random.permutation(len(COLOURS))
    aside: list[Kind] = []
    for n in range(held):                                            # along diagonals: shapes and colours as even as can be
        shape, colour = rows[n % len(SHAPES)], columns[(n + n // len(COLOURS)) % len(COLOURS)]
        size = list(SIZES)[int(random.integers(len(SIZES)))]
        aside.append(Kind(size, list(COLOURS)[colour], SHAPES[shape]))
    every = tuple(Kind(*each) for each in product(SIZES, COLOURS, SHAPES))
    return Kinds(tuple(each for each in every if each not in aside), tuple(dict.fromkeys(aside)))


def make(parts: Kinds, *, seed: int, index: int, novel: bool = False) -> Scene:
    """The scene of this number. `novel`: one of its things is of a kind that was kept back. No two things are of one kind."""
    random = np.random.default_rng([seed, index, novel])
    count = 1 + int(random.choice(len(COUNTS), p=COUNTS))
    which = random.permutation(len(parts.learnt))[:count]
    chosen = [parts.learnt[i] for i in which]
    if novel:
        if not parts.held:
            raise InputError("no kind was kept back: a novel scene has nothing that was not learnt.", "Hold some back.")
        chosen[int(random.integers(count))] = parts.held[int(random.integers(len(parts.held)))]
    said = ((0, 1), (2, int(random.integers(2))))[: count - 1]
    while True:                                                      # a sparse start may leave no room for the last: begin again
        things = _placed(chosen, said, random)
        if things is not None:
            return Scene(things, said)


def _placed(chosen: list[Kind], said: tuple[tuple[int, int], ...], random: np.random.Generator) -> tuple[Thing, ...] | None:
    found: list[Thing] = []
    for kind in chosen:
        for _ in range(TRIES):
            reach = SIZES[kind.size] * float(random.uniform(1 - SPREAD, 1 + SPREAD))
            x, y = (float(each) for each in random.uniform(reach + EDGE, 1 - reach - EDGE, 2))
            thing = Thing(kind, x, y, reach)
            beside = [found[b] for a, b in said if a == len(found) and b < len(found)]
            beside += [found[a] for a, b in said if b == len(found) and a < len(found)]
            if all(_apart(thing, each) for each in found) and all(_clear(thing, each) for each in beside):
                found.append(thing)
                break
        else:
            return None
    return tuple(found)


def _apart(a: Thing, b: Thing) -> bool:
    return max(abs(a.x - b.x), abs(a.y - b.y)) >= a.reach + b.reach + GAP


def _clear(a: Thing, b: Thing) -> bool:
    return abs(abs(a.x - b.x) - abs(a.y - b.y)) >= CLEAR
