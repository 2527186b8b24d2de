"""Scorer: how the models of a task are scored on examples whose answers are known."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from ...data import Table, read_table
from ...errors import RecipeError
from ...hub import Opened
from .scores import Score
from .ways import Ways

E = TypeVar("E")                         # an example that was held out
A = TypeVar("A")                         # what a model answers to one
Explains = Callable[[Opened, Callable[[int], None]], Ways]      # a model, and who is told how many texts are done


class Scorer(ABC, Generic[E, A]):
    """From a model to its scores: the same verbs for all tasks.

        examples = scorer.of_table(opened, table, scorer.columns);  scorer.scores(examples, scorer.answers(opened, examples))

    `unit`: what an example is called; `doing`: what a model does with them; `columns`: where a table has them, and what should come out.
    """

    unit: ClassVar[str]
    doing: ClassVar[str]
    columns: ClassVar[tuple[str, str]]

    @abstractmethod
    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[E]:
        """A user's own examples. Raises InputError for rows that cannot be scored."""

    def of_file(self, opened: Opened, file: str, columns: tuple[str, str]) -> list[E]:
        """The same out of a file, whose form the task may know better than as a table."""
        return self.of_table(opened, read_table(file), columns)

    @abstractmethod
    def answers(self, opened: Opened, examples: Sequence[E], **options: object) -> list[A]:
        """What the model answers to examples, in their order, as a user would get it."""

    @abstractmethod
    def scores(self, examples: Sequence[E], answers: Sequence[A]) -> list[Score]:
        """How good the answers are."""

    @abstractmethod
    def kept(self) -> dict[str, Any]:
        """The columns of a table of examples and answers, with their types."""

    @abstractmethod
    def row(self, example: E, answer: A) -> dict[str, Any]:
        """A row of it."""

    def evaluate(self, opened: Opened, examples: Sequence[E], **options: object) -> list[Score]:
        """Answer held-out examples and score the answers."""
        return self.scores(examples, self.answers(opened, examples, **options))

    def paced(self, opened: Opened, examples: Sequence[E]) -> tuple[list[A], float]:
        """The answers to examples, and how many were answered in a second."""
        began = time.perf_counter()
        answers = self.answers(opened, examples)
        return answers, len(examples) / (time.perf_counter() - began)

    def evidence(self, examples: Sequence[E], each: int) -> Explains:
        """What `--evidence` asks for, on the first `each` examples of each set. Raises RecipeError where there is none: only of a class is
        it told which words decided."""
        del examples, each
        raise RecipeError("--evidence is about the words that decide a class; this model tells none apart.", "Leave --evidence out.")
