"""Pictures with texts that are true of them: scenes that are painted by rule, and files that a table lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from PIL import Image

from ..errors import InputError
from ..inputs.pictures import Picture, read
from .rows import Table, cell
from .scenes import Kinds, Scene, make, paint, say

LEARNT, VALID, TEST = range(3)           # parts of scenes, whose numbers begin apart


@dataclass(frozen=True)
class Painted:
    """The scene of a number: see data.scenes. `plain`: it is told of in the first words of each choice."""

    kinds: Kinds
    seed: int
    index: int
    side: int
    novel: bool = False
    plain: bool = False

    @cached_property
    def scene(self) -> Scene:
        """What is in it."""
        return make(self.kinds, seed=self.seed, index=self.index, novel=self.novel)

    @property
    def name(self) -> str:
        """Of the picture."""
        return f"scene {self.index}{' with what is new' if self.novel else ''}"

    @property
    def texts(self) -> tuple[str, ...]:
        """What is true of it, in one of the ways to say so."""
        return (say(self.scene, seed=self.seed, index=self.index, plain=self.plain),)

    def picture(self) -> Picture:
        """As it is painted."""
        return Picture(Image.fromarray(paint(self.scene, self.side, seed=self.seed, index=self.index)), self.name)


@dataclass(frozen=True)
class Filed:
    """A file, with all that is said of it, the first thing first."""

    path: Path
    texts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the picture."""
        return self.path.name

    def picture(self) -> Picture:
        """As it is read. Raises InputError for one that cannot be."""
        return read(self.path)


Example = Painted | Filed


X = TypeVar("X", covariant=True)


@dataclass(frozen=True)
class Parts(Generic[X]):
    """Examples in parts. `learnt`: those of an epoch."""

    learnt: Callable[[int], Sequence[X]]
    valid: Sequence[X]
    test: Sequence[X]


def scenes(kinds: Kinds, *, side: int, seed: int, epoch: int, valid: int, test: int, plain: int = 0) -> Parts[Painted]:
    """So many scenes an epoch, none of which comes twice, and held-out ones, every second of which has a kind that was kept back; those of
    the first `plain` epochs are told of in plain words."""

    def learnt(turn: int) -> list[Painted]:
        return [Painted(kinds, 3 * seed + LEARNT, turn * epoch + index, side, plain=turn < plain) for index in range(epoch)]

    def held(part: int, size: int) -> list[Painted]:
        return [Painted(kinds, 3 * seed + part, index, side, novel=index % 2 == 0) for index in range(size)]

    return Parts(learnt, held(VALID, valid), held(TEST, test))


def listed(table: Table, folder: Path, *, file: str, texts: Sequence[str], split: str | None) -> list[Filed]:
    """The pictures of a table in its order; one that is named twice has the texts of both rows.

    Raises InputError for a row without a text, and where a file is not there.
    """
    names, columns = table.column(file), [table.column(each) for each in texts]
    found: dict[str, list[str]] = {}
    for number, row in enumerate(table.rows, 1):
        where = {"where": table.where, "number": number}
        said = [cell(row, column, **where) for column in columns]
        parts = [part for each in said for part in (each.split(split) if split else [each])]
        known = found.setdefault(cell(row, names, **where), [])
        known += [text for part in parts if (text := " ".join(part.split())) and text not in known]
    for name, said in found.items():
        if not said:
            raise InputError(f"{table.where}: nothing is said of {name[:80]}.", "Leave out rows without a text.")
        if not (folder / name).is_file():
            raise InputError(f"{table.where}: there is no picture {folder / name}.", "Paths are counted from the folder of pictures.")
    return [Filed(folder / name, tuple(said)) for name, said in found.items()]


def set_aside(examples: Sequence[X], *, valid: int, test: int, seed: int) -> Parts[X]:
    """The same examples every epoch but for those that are drawn to be held out. Raises InputError where nothing is left."""
    if valid + test >= len(examples):
        raise InputError(f"of {len(examples):,} examples {valid + test:,} are set aside.", "Set fewer aside.")
    order = [examples[i] for i in np.random.default_rng(seed).permutation(len(examples))]
    left = order[valid + test :]
    return Parts(lambda _: left, order[:valid], order[valid : valid + test])


def drawn_text(example: Example, random: np.random.Generator) -> str:
    """The first of its texts half of the time; else one to three others, with commas between them."""
    first, *others = example.texts
    if not others or random.random() < 0.5:
        return first
    count = min(int(random.integers(1, 4)), len(others))
    return ", ".join(others[i] for i in random.permutation(len(others))[:count])
