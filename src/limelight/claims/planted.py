"""Planted facts: real questions whose facts stand as far back as one wants, with real sentences of other stories around them.

A story is: any sentences, the fact, sentences that do not mention whom the question is about. After it more may be asked: where the others
are, who were last told of wherever chance has put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..data.stories import Asked
from ..errors import InputError
from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from .lab import fingerprint
from .vocabulary import FILLER, Vocabulary, spelt

BATCHES = 100                   # of an epoch; stories are drawn, so an epoch is only a name


class Planted(NamedTuple):
    """Stories of equal length, filled on the left, and what is asked after each: the planted question alone, or others around it.

    `fact`: where the planted fact stands in each story, from its first word to past its last.
    """

    stories: Int[Tensor, "b n"]
    questions: Int[Tensor, "b a w"]
    answers: Int[Tensor, "b a"]
    fact: Int[Tensor, "b 2"]


@dataclass(frozen=True)
class World:
    """Questions that follow from one fact each, and what may stand around: all sentences of their stories."""

    asked: tuple[Asked, ...]
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        if many := next((each for each in self.asked if len(each.facts) != 1), None):
            raise InputError(f'a planted question follows from one fact: "{many.question}" from {len(many.facts)} facts.',
                             "Give a task with a single supporting fact.")

    @property
    def fingerprint(self) -> str:
        """What tells it from others."""
        return fingerprint(repr((self.asked, self.vocabulary.known)))

    @cached_property
    def facts(self) -> dict[str, Asked]:
        """By fact: a question that follows from it."""
        return {each.sentences[each.facts[0]]: each for each in self.asked}

    @cached_property
    def sentences(self) -> list[str]:
        """Each as often as it is told."""
        return [sentence for each in self.asked for sentence in each.sentences]

    @cached_property
    def topics(self) -> list[str]:
        """What is asked about: the last word of each question."""
        return sorted({topic(each) for each in self.asked})

    @cached_property
    def _ids(self) -> dict[str, list[int]]:
        texts = {*self.sentences, *(each.question for each in self.asked)}
        return {text: self.vocabulary.ids(text) for text in texts}

    @cached_property
    def _about(self) -> dict[str, frozenset[str]]:
        return {text: frozenset(spelt(text)) for text in set(self.sentences)}

    @cached_property
    def _apart(self) -> dict[str, list[str]]:
        """By topic: the sentences that do not mention it."""
        return {each: self._without(each) for each in self.topics}

    def _without(self, topic: str) -> list[str]:
        found = [text for text in self.sentences if topic not in self._about[text]]
        if not found:
            raise InputError(f'every sentence mentions "{topic}": nothing can stand between.', "Give more stories.")
        return found

    def planted(
        self, draw: np.random.Generator, rows: int, *, length: int, distances: Sequence[int], others: bool = False
    ) -> Planted:
        """Stories of `length` sentences, each with its fact so many sentences before the end as is drawn from `distances` (1: the last).

        `others`: every topic is asked about, in any order. Raises InputError for a distance that does not fit.
        """
        which = [self.asked[i] for i in draw.integers(0, len(self.asked), rows)]
        told = [self._story(each, draw, length, int(draw.choice(distances))) for each in which]
        asked = [self._order(each, story, draw) if others else [each] for each, (story, _) in zip(which, told, strict=True)]
        stories, fact = self._spelt(told)
        questions = [[self._ids[each.question] for each in row] for row in asked]
        answers = [[self.vocabulary.ids(each.answer)[0] for each in row] for row in asked]
        return Planted(stories, _filled(questions), torch.tensor(answers), fact)

    def _story(self, asked: Asked, draw: np.random.Generator, length: int, distance: int) -> tuple[list[str], int]:
        """Sentences, and the place of the fact among them."""
        if not 1 <= distance <= length:
            raise InputError(f"a fact of {length} sentences cannot stand {distance} before the end.")
        apart, place = self._apart[topic(asked)], length - distance
        before = [self.sentences[i] for i in draw.integers(0, len(self.sentences), place)]
        after = [apart[i] for i in draw.integers(0, len(apart), distance - 1)]
        return [*before, asked.sentences[asked.facts[0]], *after], place

    def _order(self, planted: Asked, story: list[str], draw: np.random.Generator) -> list[Asked]:
        """As many questions as there are topics: about each that the story tells of, and the planted one for those that it does not."""
        last = {name: text for text in story for name in self.topics if name in self._about[text]}
        found = [self.facts.get(last[name], planted) if name in last else planted for name in self.topics]
        return [found[i] for i in draw.permutation(len(found))]

    def _spelt(self, told: list[tuple[list[str], int]]) -> tuple[Tensor, Tensor]:
        """Numbers of words (b n), and where the facts begin and end (b 2)."""
        rows, spans = [], []
        for story, place in told:
            ids = [self._ids[text] for text in story]
            begins = sum(map(len, ids[:place]))
            rows.append([word for each in ids for word in each])
            spans.append((begins, begins + len(ids[place])))
        gaps = torch.tensor([max(map(len, rows)) - len(row) for row in rows])
        return _filled([rows])[0], torch.tensor(spans) + gaps[:, None]


def topic(asked: Asked) -> str:
    """What a question is about: its last word."""
    return spelt(asked.question)[-1]


def _filled(rows: Sequence[Sequence[list[int]]]) -> Int[Tensor, "a b n"]:
    """Lists of lists of words as one block, filled on the left with a word that means nothing: no model needs a mask."""
    longest = max(len(ids) for row in rows for ids in row)
    return torch.tensor([[[FILLER] * (longest - len(ids)) + ids for ids in row] for row in rows])


@dataclass(frozen=True, eq=False)
class Stories:
    """Batches to learn from, see train.Batches: each of one length up to the longest, with facts at all distances.

    Lengths are drawn evenly by their logarithms: who has learnt to answer after a sentence or two goes on to longer stories sooner.
    """

    world: World
    rows: int
    longest: int
    seed: int

    def order(self, epoch: int) -> list[Int[np.ndarray, " 2"]]:
        """What each batch is drawn by."""
        return [np.array([epoch, number]) for number in range(BATCHES)]

    def batch(self, indices: Int[np.ndarray, " 2"]) -> Pairs:
        """Stories beside questions with their answers, one after the other."""
        draw = np.random.default_rng([self.seed, *indices.tolist()])
        length = int((self.longest + 1) ** draw.random())
        found = self.world.planted(draw, self.rows, length=length, distances=range(1, length + 1), others=True)
        said = torch.cat((found.questions, found.answers[..., None]), -1)
        return Pairs(Batch(found.stories), Batch(said.flatten(1)))
