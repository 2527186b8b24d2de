"""A small world of people and places, in the form of the bAbI tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from limelight.claims.planted import World
from limelight.claims.vocabulary import Vocabulary
from limelight.data.stories import read_stories

PEOPLE, PLACES, WAYS = ("Ann", "Bob", "Cid"), ("attic", "barn", "cave", "dock"), ("went to", "ran back to")


def story(draw: np.random.Generator) -> str:
    """Four sentences, and a question about somebody who was told of."""
    told = [(PEOPLE[draw.integers(3)], WAYS[draw.integers(2)], PLACES[draw.integers(4)]) for _ in range(4)]
    lines = [f"{n} {who} {how} the {where}." for n, (who, how, where) in enumerate(told, 1)]
    asked = told[int(draw.integers(4))][0]
    last = max(n for n, (who, _, _) in enumerate(told, 1) if who == asked)
    return "\n".join([*lines, f"5 Where is {asked}? \t{told[last - 1][2]}\t{last}"])


def files(folder: Path, stories: int = 300) -> str:
    """Two files of stories; the path with {} for "train" and "test"."""
    for seed, part in enumerate(("train", "test")):
        draw = np.random.default_rng(seed)
        (folder / f"tales_{part}.txt").write_text("\n".join(story(draw) for _ in range(stories)) + "\n")
    return str(folder / "tales_{}.txt")


def world(folder: Path) -> World:
    """The questions to learn from."""
    asked = tuple(read_stories(Path(files(folder).format("train"))))
    return World(asked, Vocabulary.of(text for each in asked for text in (*each.sentences, each.question)))
