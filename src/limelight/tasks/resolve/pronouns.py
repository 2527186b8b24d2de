"""Pronouns: where one stands in a text, and the texts in which each of its candidates stands instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..reading.places import Span, find

THIRD = ("he", "him", "his", "she", "her", "hers", "it", "its", "they", "them", "their", "theirs")
OWNING = ("his", "its", "their", "hers", "theirs")
_WORD = re.compile(r"\w+")
_NEXT = re.compile(r"\s+\w")


@dataclass(frozen=True)
class Pronoun:
    """A pronoun whose meaning is asked for. `candidates`: what it may stand for, as it would be written in its place; `pronoun`: the word,
    or the offset of its first character; None for the only third-person pronoun (of English) in the text."""

    text: str
    candidates: tuple[str, ...]
    pronoun: str | int | None = None


@dataclass(frozen=True)
class Swapped:
    """The text with a candidate in the pronoun's place, and where that stands."""

    text: str
    span: Span


def place_of(asked: Pronoun) -> Span:
    """The characters of the pronoun. Raises InputError where it is not there, or is one of several, with their offsets."""
    text, wanted = asked.text, asked.pronoun
    if isinstance(wanted, int):
        if (found := next((m.span() for m in _WORD.finditer(text) if m.start() <= wanted < m.end()), None)) is None:
            raise InputError(f"no word stands at character {wanted:,} of {len(text):,}.", "Give the offset of the pronoun's first letter.")
        return found
    words = THIRD if wanted is None else (wanted,)
    places = sorted(place for word in words for place in find(text, word))
    if not places:
        what = "third-person pronoun" if wanted is None else f"{wanted!r:.40}"
        raise InputError(f"there is no {what} in the text: {text[:40]!r}.", "Say which word is meant: pronoun=...")
    if len(places) > 1:
        listed = ", ".join(f'"{text[a:b]}" at {a}' for a, b in places[:8])
        raise InputError(f"{len(places)} words may be meant: {listed}.", f"Say which by its offset: pronoun={places[0][0]}.")
    return places[0]


def check_candidates(candidates: Sequence[str]) -> None:
    """Raises InputError for fewer than two, an empty one, or one given twice."""
    if len(candidates) < 2:
        raise InputError(f"at least two candidates are wanted: got {len(candidates)}.", 'For instance candidates=["the dog", "the cat"].')
    for number, each in enumerate(candidates, 1):
        if not each.strip():
            raise InputError(f"candidate {number} of {len(candidates)} is empty.", "Leave it out.")
        if each in candidates[: number - 1]:
            raise InputError(f"the candidate {each[:40]!r} is given twice.", "Give it once.")


def swapped(text: str, place: Span, candidate: str) -> list[Swapped]:
    """The text with the candidate for the pronoun: with a capital where that had one, as an owner where that was one ("its" -> "the
    dog's"), and both ways for "her", which may be either."""
    a, b = place
    word = text[a:b]
    if word[:1].isupper():
        candidate = candidate[:1].upper() + candidate[1:]
    owner = "" if candidate.endswith(("'s", "s'", "’s", "s’")) else "'" if candidate.endswith("s") else "'s"
    endings = [owner] if word.lower() in OWNING else ["", owner] if word.lower() == "her" and _NEXT.match(text, b) else [""]
    return [Swapped(text[:a] + candidate + ending + text[b:], (a, a + len(candidate))) for ending in dict.fromkeys(endings)]


def mentions(text: str, place: Span, candidate: str) -> list[Span]:
    """Where the text names a candidate, beside the pronoun itself."""
    return [(a, b) for a, b in find(text, candidate) if b <= place[0] or a >= place[1]]
