"""Whole words as numbers, for small models of small worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

from ..inputs.words import words
from ..values import value
from .lab import fingerprint

FILLER, START, END, UNKNOWN = range(4)


@value
class Vocabulary:
    """Words in the order of their numbers, which begin after those of the four marks: filler, start, end and unknown."""

    known: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], most: int | None = None) -> Vocabulary:
        """The words of texts, the most frequent first, and no more than `most` of them; signs are left out."""
        counts = Counter(word for text in texts for word in spelt(text))
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(known=tuple(ordered[:most]))

    def __len__(self) -> int:
        return UNKNOWN + 1 + len(self.known)

    @property
    def fingerprint(self) -> str:
        """What tells it from others."""
        return fingerprint("\n".join(self.known))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.known, UNKNOWN + 1)}

    def ids(self, text: str) -> list[int]:
        """The number of each word."""
        return [self._numbers.get(word, UNKNOWN) for word in spelt(text)]


def spelt(text: str) -> list[str]:
    """Words in small letters."""
    return [word.lower() for a, b in words(text) if (word := text[a:b])[0].isalnum()]
