"""Words and sentences of a text, by character offsets."""

from __future__ import annotations

import re
import unicodedata

Span = tuple[int, int]

# A word with an elision's apostrophe (l', qu'), a word or number with inner marks (don't, vingt-deux, 3.5), or one sign.
_ELISION = r"(?i:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['’](?=\w)"
_WORD = re.compile(rf"{_ELISION}|\w+(?:[-'’.,]\w+)*|[^\w\s]")
_JOINERS = "\u200c\u200d"
# The end of a sentence: its marks, closing quotes, then white space; a line break; or a mark that needs no space after it.
# Only the first of a row of marks may begin one, so that ten thousand dots cost no more than one.
_END = re.compile(r"(?<![.!?…。！？])[.!?…。！？]++[\"'’”»)\]]*+(?:\s+|$)|\n\s*|[。！？]++[」』”’）]*+")
# Not after a title, an initial or a common shortening: always, before a number, or unless a capital follows. "I." is no initial.
_SHORT = re.compile(
    r"(?<![^\s(\"'«“])(?:(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|e\.g|i\.e|cf|Fig|approx|(?:[A-Z]\.)+[A-Z]|[A-HJ-Z])"
    r"|(?P<number>No|pp?)|(?P<small>[ap]\.m|etc))\.$"
)
_LONGEST_SHORT = 24
# Nor where small letters go on after three dots or a closing quote ("Well... perhaps", '"Why?" he asked').
_PAUSE = re.compile(r"(?:\.\.+|…+|[.!?…]+[\"'’”»)\]]+)\s+")


def words(text: str) -> list[Span]:
    """Where each word stands: white space separates, signs stand alone, a French elision ends a word (l'|homme).

    Combining marks and joiners belong to what they stand on, so that no letter and no emoji is torn.
    """
    out: list[Span] = []
    for m in _WORD.finditer(text):
        a, b = m.span()
        if out and out[-1][1] == a and _grown(text[a - 1], text[a]):
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def sentences(text: str) -> list[Span]:
    """Where each sentence stands, white space around it left out; nothing but white space is lost."""
    out: list[Span] = []
    start = 0
    for m in _END.finditer(text):
        if not _runs_on(text, m, start):
            out.append((start, m.end()))
            start = m.end()
    out.append((start, len(text)))
    return [span for span in (trimmed(text, *span) for span in out) if span[0] < span[1]]


def _grown(before: str, here: str) -> bool:
    """Whether two characters that touch stand in one word, though the pattern takes marks for signs."""
    return combines(here) or before in _JOINERS or (here.isalnum() and combines(before))


def combines(char: str) -> bool:
    """Whether a character is a mark on the one before it, or joins two."""
    return char in _JOINERS or unicodedata.category(char).startswith("M")


def _runs_on(text: str, end: re.Match[str], start: int) -> bool:
    """Whether what looks like the end of a sentence is none."""
    if end.end() == len(text) or "\n" in end.group():
        return False
    following = text[end.end()]
    if _PAUSE.fullmatch(end.group()):
        return following.islower()
    stop = end.start() + len(end.group().rstrip())
    short = _SHORT.search(text, max(start, stop - _LONGEST_SHORT), stop)
    if short is None:
        return False
    return following.isdigit() if short["number"] else not following.isupper() if short["small"] else True


def trimmed(text: str, start: int, end: int) -> Span:
    """A span without the white space at its ends."""
    start, end = without_lead(text, start, end)
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def without_lead(text: str, start: int, end: int) -> Span:
    """A span without the white space that it begins with."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
