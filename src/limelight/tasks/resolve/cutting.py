"""Cutting: the part of a long text that holds a pronoun and what it may stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded
from ..reading.places import Span, tokens_of
from .pronouns import Pronoun, mentions, swapped

SPARE = 4                                # tokens more that a text may have once a candidate stands in it


@dataclass(frozen=True)
class Part:
    """What a model reads of a text. `place`: the pronoun's characters in it; `source_place`: in the whole; `window`: the part's own
    characters there, None where it is all."""

    text: str
    place: Span
    source_place: Span
    window: Span | None = None


def cut(opened: Opened, asked: Pronoun, place: Span, room: int) -> Part:
    """The text, or, where it is too long with a candidate in it, as much around the pronoun and one mention of each candidate (the
    nearest, before the pronoun where there is one) as `room` allows. Raises InputError where those do not fit, with the numbers."""
    sentences = [each.text for candidate in asked.candidates for each in swapped(asked.text, place, candidate)]
    longest = max(len(each.ids) for each in opened.text.encode_all([asked.text, *sentences]))
    if longest <= room:
        return Part(asked.text, place, place)
    whole = opened.text.encode(asked.text)
    pieces = opened.text.encode_all(list(asked.candidates), marks=False)
    size = room - sum(part is None for part in whole.parts) - max(len(each.ids) for each in pieces) - SPARE
    start, end = _around(whole, _needed(whole, asked, place), size, opened.manifest.name)
    return Part(asked.text[start:end], (place[0] - start, place[1] - start), place, (start, end))


def _needed(whole: Encoded, asked: Pronoun, place: Span) -> list[int]:
    """The tokens of the pronoun and of the nearest mention of each candidate."""
    spans = [place]
    for candidate in asked.candidates:
        found = mentions(asked.text, place, candidate)
        before = [span for span in found if span[1] <= place[0]]
        spans += before[-1:] or found[:1]
    return [token for span in spans for token in tokens_of(whole, span)]


def _around(whole: Encoded, needed: Sequence[int], size: int, name: str) -> Span:
    """The characters of the tokens that are needed, with as much on either side as there is room for; whole words."""
    low, high = min(needed), max(needed)
    spare = size - (high - low + 1)
    if spare < 0:
        raise InputError(
            f"the pronoun and its candidates take {high - low + 1:,} tokens; {name} has room for {max(size, 0):,} beside a candidate.",
            "Give a shorter text, or candidates that stand nearer.",
        )
    text = [i for i, part in enumerate(whole.parts) if part == 0]
    left = min(low - text[0], max(spare // 2, spare - (text[-1] - high)))
    right = min(text[-1] - high, spare - left)
    first = next((i for i in range(low - left, low) if _begins(whole, i)), low)
    last = next((i for i in range(high + right, high, -1) if i == text[-1] or _begins(whole, i + 1)), high)
    return whole.offsets[first][0], whole.offsets[last][1]


def _begins(whole: Encoded, token: int) -> bool:
    at = whole.offsets[token][0]
    return at == 0 or whole.text[at - 1].isspace()
