"""Windows: a text too long for a model, in pieces that overlap, so that nothing of it goes unread."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded


@dataclass(frozen=True, eq=False)
class Window:
    """A piece of a text with the marks and the other text that stand around it. `encoded`: offsets are those of the whole text;
    `first`: the place of its first token among all of the text's; `before`: how many ids stand before that; `count`: its tokens."""

    encoded: Encoded
    first: int
    before: int
    count: int

    def depth(self, token: int) -> int:
        """How many tokens of the text lie between a token and the nearer end of the window: what the model knows around it."""
        return min(token - self.first, self.first + self.count - 1 - token)


def windows(whole: Encoded, room: int, *, overlap: int, part: int = 0) -> list[Window]:
    """A text (the one numbered `part`, where two stand beside each other) in windows of at most `room` ids.

    Neighbours share `overlap` tokens or a few more: a window begins at a word where one is near. One that fits is one window.
    Raises InputError where what stands around the text leaves no room for more than the overlap, with the numbers.
    """
    places = [i for i, of in enumerate(whole.parts) if of == part]
    if not places:
        return [Window(whole, 0, len(whole.ids), 0)]
    begin, end = places[0], places[-1] + 1
    around = len(whole.ids) - (end - begin)
    size = room - around
    if len(whole.ids) <= room:
        return [Window(whole, 0, begin, end - begin)]
    if size <= overlap:
        raise InputError(
            f"the model reads {room:,} tokens at once; {around:,} stand around the text, and {overlap:,} are shared by neighbours.",
            "Shorten the question, or let windows share less.",
        )
    text = whole.other if part else whole.text
    found, first = list[Window](), 0
    while True:
        last = min(first + size, end - begin)
        keep = [*range(begin), *range(begin + first, begin + last), *range(end, len(whole.ids))]
        found.append(Window(whole.only(keep), first, begin, last - first))
        if last == end - begin:
            return found
        first = _at_word(whole, text, begin, last - overlap, first + 1)


def room_of(opened: Opened, *, at_most: int | None = None) -> int:
    """How many tokens a model reads at once. `at_most`: fewer, where that is wanted. Raises InputError where more are wanted."""
    most = opened.manifest.generation.max_source
    most = min(most, opened.manifest.spec.room or most)
    if at_most is not None and at_most > most:
        raise InputError(f"{opened.manifest.name} reads {most:,} tokens at once: got {at_most:,}.", f"Use at most {most:,}.")
    return at_most or most


def _at_word(whole: Encoded, text: str, begin: int, wanted: int, least: int, reach: int = 16) -> int:
    """The nearest token from `wanted` back that begins a word."""
    for first in range(wanted, max(least, wanted - reach) - 1, -1):
        at = whole.offsets[begin + first][0]
        if at == 0 or text[at - 1].isspace():
            return first
    return max(least, wanted)
