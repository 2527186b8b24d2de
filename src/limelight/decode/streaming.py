"""Text as it is typed: only whole words, and only once they are sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Typist:
    """Turns growing rows of sure tokens into growing text.

    `decode` spells ids; `begins_word` tells whether a piece starts a new word. The last word is held back until the next one
    begins, since more pieces may still join it; so no broken letter is shown either. `hold`: texts that may yet turn out to end
    the answer, held back from their first character on.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], begins_word: Callable[[int], bool], *, hold: Sequence[str] = ()):
        self._decode, self._begins_word, self._hold = decode, begins_word, tuple(hold)
        self._shown = ""

    def more(self, sure: Sequence[int], *, last: bool = False) -> str:
        """The text to show now, given all tokens that are sure so far; `last` lets go of the last word too."""
        whole = len(sure) if last else max((i for i, token in enumerate(sure) if self._begins_word(token)), default=0)
        text = self._decode(sure[:whole])
        text = text if last else text[: len(text) - self._begun(text)]
        new, self._shown = text[len(self._shown) :], text
        return new

    def _begun(self, text: str) -> int:
        """How many characters at the end may be the beginning of one of those held back."""
        return max((n for held in self._hold for n in range(1, len(held)) if text.endswith(held[:n])), default=0)
