"""Tracks: what a stack reads, as tokens that know their characters and their words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, groupby

from ..inputs import Encoded, Text, words
from ..inputs.words import without_lead
from ..look.visible import visible
from .scene import Span, Token, Track


def read_track(text: Text, encoded: Encoded) -> Track:
    """What was given, all of it. Of two texts, the characters are those of one after the other, with a line end between."""
    shift = (0, len(encoded.text) + 1)
    spans = [None if part is None else _moved(span, shift[part]) for part, span in zip(encoded.parts, encoded.offsets, strict=True)]
    whole = f"{encoded.text}\n{encoded.other}" if encoded.other else encoded.text
    return _track(text, whole, encoded.ids, spans, len(encoded.ids))


def written_track(text: Text, before: Sequence[int], tokens: Sequence[int]) -> Track:
    """What a decoder beside an encoder reads: marks `before` the first token of its own, then those that it wrote."""
    whole, spans = _said(text, (), tokens)
    lead = len(whole) - len(whole.lstrip(" "))
    moved = [_moved(span, -lead) for span in spans]
    return _track(text, whole[lead:], (*before, *tokens), [*[None] * len(before), *moved], len(before))


def longer_track(text: Text, encoded: Encoded, tokens: Sequence[int]) -> Track:
    """A prompt, and what was written after it."""
    given = [None if part is None else span for part, span in zip(encoded.parts, encoded.offsets, strict=True)]
    more, spans = _said(text, encoded.ids, tokens)
    ids = (*encoded.ids, *tokens)
    return _track(text, encoded.text + more, ids, [*given, *(_moved(span, len(encoded.text)) for span in spans)], len(encoded.ids))


def shown(piece: str) -> str:
    """A piece as a reader sees it: never blank."""
    return visible(piece.strip(" ") or piece)


def _moved(span: Span, by: int) -> Span:
    return max(0, span[0] + by), max(0, span[1] + by)


def _said(text: Text, before: Sequence[int], tokens: Sequence[int]) -> tuple[str, list[Span]]:
    """The text of tokens that follow others, and the characters that each of them completes."""
    whole, spans, ids = "", list[Span](), list(before)
    for token in tokens:
        more = text.after(ids, [token])
        spans.append((len(whole), len(whole) + len(more)))
        whole += more
        ids.append(token)
    return whole, spans


def _track(text: Text, whole: str, ids: Sequence[int], spans: Sequence[Span | None], prompt: int) -> Track:
    found, marks = words(whole), set(text.mark_names.values()) - {text.marks.unknown}
    starts = [a for a, _ in found]
    tokens = []
    for id_, span in zip(ids, spans, strict=True):
        own = None if span is None or span[0] >= span[1] or id_ in marks else without_lead(whole, *span)
        word = None if own is None else _word(starts, found, own)
        piece = text.piece(id_)
        seen = own if own is not None and own[0] < own[1] else None
        tokens.append(Token(piece, shown(piece), id_, seen, word, id_ in marks or span is None))
    return Track(whole, prompt, tuple(tokens), tuple(found), _groups(tokens))


def _word(starts: Sequence[int], found: Sequence[Span], span: Span) -> int | None:
    """The word that a token begins in, or the first that it reaches."""
    at = max(0, bisect_right(starts, span[0]) - 1)
    return next((i for i in range(at, min(at + 2, len(found))) if found[i][0] < span[1] and found[i][1] > span[0]), None)


def _groups(tokens: Sequence[Token]) -> tuple[Span, ...]:
    numbered = ((-1 - i if token.word is None else token.word) for i, token in enumerate(tokens))
    sizes = [len(list(members)) for _, members in groupby(numbered)]
    ends = accumulate(sizes)
    return tuple((end - size, end) for end, size in zip(ends, sizes, strict=True))
