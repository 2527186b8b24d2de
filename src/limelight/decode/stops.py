"""When an answer is whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import RecipeError


@dataclass(frozen=True)
class Ending:
    """`end`: the tokens that end an answer; `max_length`: new tokens at most; `strings`: texts that end it, found by `text`,
    which turns ids into text. Raises RecipeError where strings are given without `text`, one is empty, or max_length is below 1."""

    end: frozenset[int]
    max_length: int
    strings: tuple[str, ...] = ()
    text: Callable[[Sequence[int]], str] | None = None

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise RecipeError(f"max_length must be at least 1: got {self.max_length}.")
        if self.strings and self.text is None:
            raise RecipeError("stop strings need a tokenizer to be found with: got none.", "Give text=tokenizer.decode.")
        if "" in self.strings:
            raise RecipeError("an empty stop string would end every answer at once: got ''.", "Leave it out.")

    def ends(self, tokens: Sequence[int]) -> bool:
        """Whether the answer so far is whole."""
        if tokens[-1] in self.end:
            return True
        if not self.strings or self.text is None:
            return False
        # A piece holds a byte at least, so a stop string of n bytes lies within the newest n + a few pieces: no need to spell
        # the whole answer again.
        tail = self.text(tokens[-max(len(stop.encode()) for stop in self.strings) - 8 :])
        return any(stop in tail for stop in self.strings)

    def cut(self, text: str) -> str:
        """The text before the first stop string."""
        return text[: min((at for stop in self.strings if (at := text.find(stop)) >= 0), default=len(text))]
