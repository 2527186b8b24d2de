"""Text as it is typed: only whole words, and only once they are sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Typist:
    """Turns growing rows of sure tokens into growing text.

    `decode` spells ids; `begins_word` tells whether a piece starts a new word. The last word is held back until the next one
    begins, since more pieces may still join it; so no broken letter is shown either.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], begins_word: Callable[[int], bool]):
        self._decode, self._begins_word = decode, begins_word
        self._shown = ""

    def more(self, sure: Sequence[int], *, last: bool = False) -> str:
        """The text to show now, given all tokens that are sure so far; `last` lets go of the last word too."""
        whole = len(sure) if last else max((i for i, token in enumerate(sure) if self._begins_word(token)), default=0)
        text = self._decode(sure[:whole])
        new, self._shown = text[len(self._shown) :], text
        return new
