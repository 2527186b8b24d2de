"""Words and sentences of a text, by character offsets."""

from __future__ import annotations

import re

Span = tuple[int, int]

# A word with an elision's apostrophe (l', qu'), a word or number with inner marks (don't, vingt-deux, 3.5), or one sign.
_ELISION = r"(?:[cdjlmnstCDJLMNST]|qu|Qu|jusqu|Jusqu|lorsqu|Lorsqu|puisqu|Puisqu)['’](?=\w)"
_WORD = re.compile(rf"(?P<elision>{_ELISION})|\w+(?:[-'’.,]\w+)*|[^\w\s]")
# The end of a sentence: its marks, closing quotes, then white space; not after a title, an initial or a common shortening.
_END = re.compile(r"[.!?…。！？]+[\"'’”»)\]]*(?:\s+|$)|\n+|(?<=[。！？])")
_SHORT = re.compile(r"(?:^|[\s(\"'«“])(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|e\.g|i\.e|cf|No|Fig|approx|(?:[A-Z]\.)*[A-Z])\.$")


def words(text: str) -> list[Span]:
    """Where each word stands: white space separates, signs stand alone, a French elision ends a word (l'|homme)."""
    return [m.span() for m in _WORD.finditer(text)]


def sentences(text: str) -> list[Span]:
    """Where each sentence stands, white space around it left out; nothing but white space is lost."""
    out: list[Span] = []
    start = 0
    for m in _END.finditer(text):
        head = text[start : m.end()].rstrip()
        if _SHORT.search(head) and m.end() < len(text) and "\n" not in m.group():
            continue
        out.append((start, m.end()))
        start = m.end()
    out.append((start, len(text)))
    return [span for span in (_trim(text, *span) for span in out) if span[0] < span[1]]


def _trim(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
