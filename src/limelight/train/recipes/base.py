"""What the recipes of all tasks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from ...spec import Model
from ...values import value
from ..plan import Count, Plan


@value
class TokenizerPart:
    """One byte-pair vocabulary for all that the model reads and writes."""

    vocab: Count = 8000


@value
class BatchPart:
    """`tokens`: slots of a batch (of its longer side, where there are two), padding included, at most. `max_length`: the longest row that
    is trained on, in tokens; what happens to longer ones is the task's to say."""

    tokens: Count = 4096
    max_length: Count = 128

    def rehearsed(self, longest: int) -> BatchPart:
        """Small ones, of rows that have at most `longest` tokens."""
        return replace(self, tokens=min(self.tokens, 2048), max_length=min(self.max_length, longest))


@value
class SizedPart:
    """`size`: how many examples a batch has; pictures and stretches of sound are all of one size."""

    size: Count = 32

    def rehearsed(self, longest: int) -> SizedPart:
        """Small ones."""
        del longest
        return replace(self, size=min(self.size, 4))


@value
class CardPart:
    """What the model's card says of it besides its scores."""

    summary: str
    license: str
    attribution: str
    limits: tuple[str, ...] = ()


@value
class Recipe(ABC):
    """A model from data to scores. Each task has its own kind, which adds where the data are and how large the model is."""

    name: str
    task: str
    tokenizer: TokenizerPart = TokenizerPart()
    batches: BatchPart | SizedPart = BatchPart()
    plan: Plan
    card: CardPart | None = None

    def rehearsed(self, steps: int, longest: int) -> Recipe:
        """The same recipe with so few and small steps, of rows that have at most `longest` tokens."""
        return replace(self, plan=self.plan.rehearsed(steps), batches=self.batches.rehearsed(longest))

    @abstractmethod
    def spec(self, vocab: int | None = None) -> Model:
        """The model to build; `vocab`: the size that the trained tokenizer really has. Raises SpecError for sizes that do not fit."""
