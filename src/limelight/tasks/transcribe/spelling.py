"""Tokens -> words, each with the places of its tokens."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...inputs import Text

UNSPACED = ("zh", "ja", "th", "lo", "my", "yue")         # languages whose words are told apart by no spaces: here by tokens


@dataclass(frozen=True)
class Spelled:
    """A word, and the places of its tokens, `first` to `last` (without it)."""

    text: str
    first: int
    last: int


def spelled(text: Text, tokens: Sequence[int], language: str) -> list[Spelled]:
    """The words of an answer: a piece with a space before it begins one; signs stay with the word that they touch."""
    out: list[Spelled] = []
    begun, shown = 0, ""
    for at, token in enumerate(tokens):
        shown += text.after(tokens[:at], [token])
        if not shown.strip():
            continue                                     # no letter is whole yet
        starts = not out or text.begins_word(tokens[begun]) or shown[:1].isspace()
        if starts or (language in UNSPACED and not _signs(shown)):
            out.append(Spelled(shown.strip(), begun, at + 1))
        else:
            out[-1] = Spelled(out[-1].text + shown.rstrip(), out[-1].first, at + 1)
        begun, shown = at + 1, ""
    if out and begun < len(tokens):                      # a letter that was never finished
        out[-1] = replace(out[-1], last=len(tokens))
    return out


def _signs(text: str) -> bool:
    return all(unicodedata.category(char)[0] in "PSZ" for char in text)
