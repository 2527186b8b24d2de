"""Places: where a word stands in a text, which tokens it is, and the window of a long text that shows most around it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Encoded
from ...inputs.words import combines
from .windows import Window, room_of, windows

Span = tuple[int, int]
UNSPACED = ("THAI ", "LAO ", "KHMER ", "MYANMAR ")            # scripts without spaces that are no wider than Latin letters


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model is given of a text, and the places in it of the tokens that are asked about."""

    encoded: Encoded
    places: tuple[int, ...]


def find(text: str, word: str) -> list[Span]:
    """The characters of each place where a word stands, capital or small, and not as a part of another one: no letter is torn from its
    marks.

    Where a word begins or ends is not asked of scripts that put no space between words.
    """
    if not word.strip():
        return []
    word = word.strip()
    spaced = _ends_at_space(word[0])
    before = r"(?<!\w)" if spaced else ""
    after = r"(?!\w)" if _ends_at_space(word[-1]) else ""
    found = (m.span() for m in re.finditer(f"{before}{re.escape(word)}{after}", text, re.IGNORECASE))
    return [(a, b) for a, b in found if not (_clings(text[b : b + 1]) or (spaced and a and _clings(text[a - 1])))]


def tokens_of(encoded: Encoded, span: Span) -> list[int]:
    """The places of the tokens that stand for some of these characters."""
    a, b = span
    return [i for i, (part, (x, y)) in enumerate(zip(encoded.parts, encoded.offsets, strict=True)) if part == 0 and x < b and y > a]


def seen_around(opened: Opened, whole: Encoded, groups: Sequence[Sequence[int]]) -> list[Seen]:
    """A text as the model reads it: whole, or, for each group of tokens, the window in which they have most on either side.

    Raises InputError where those of a group lie too far apart for one window, with the numbers.
    """
    room = room_of(opened)
    around = sum(part is None for part in whole.parts)
    first = next((i for i, part in enumerate(whole.parts) if part is not None), 0)
    there = windows(whole, room, overlap=max(0, (room - around) * 3 // 4))
    return [_deepest(there, [place - first for place in group], opened.manifest.name, room) for group in groups]


def _deepest(there: Sequence[Window], tokens: Sequence[int], name: str, room: int) -> Seen:
    def depth(window: Window) -> int:
        return min(map(window.depth, tokens))

    best = max(there, key=depth)
    if depth(best) < 0:
        raise InputError(f"{max(tokens) - min(tokens) + 1:,} tokens must be seen at once; {name} reads {room:,}.", "Shorten the text.")
    return Seen(best.encoded, tuple(token - best.first + best.before for token in tokens))


def finite(values: Tensor, opened: Opened) -> Tensor:
    """The same values. Raises InputError where one is no number."""
    if not bool(torch.isfinite(values).all()):
        raise InputError(
            f"{opened.manifest.name} gave what is no number (NaN or infinite) in {str(opened.dtype).removeprefix('torch.')}.",
            "Try dtype fp32; if it stays, the weights are damaged.",
        )
    return values


def _ends_at_space(letter: str) -> bool:
    spaced = unicodedata.east_asian_width(letter) not in "WF" and not unicodedata.name(letter, "").startswith(UNSPACED)
    return spaced and bool(re.match(r"\w", letter) or _clings(letter))


def _clings(letter: str) -> bool:
    """Whether it belongs to the letter before it: a mark or a joiner, though none that only chooses a look."""
    return bool(letter) and combines(letter) and not "\ufe00" <= letter <= "\ufe0f"
