"""Wording: which tokens of a text make up a word."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from ...inputs.text import Encoded

Span = tuple[int, int]
By = Literal["letters", "told", "spaces"]


def goes_on(whole: Encoded, part: int, by: By) -> list[bool]:
    """For each token of a text (the one numbered `part`), whether it goes on with what the token before it began: a letter that is
    spelled in several tokens, and, unless only letters are asked for, a word: as the tokenizer tells words apart, or as white space does
    (also where the tokenizer tells none)."""
    text = whole.other if part else whole.text
    places = [i for i, of in enumerate(whole.parts) if of == part]
    spans = [whole.offsets[i] for i in places]
    words = [whole.words[i] for i in places] if whole.words else None

    def on(i: int) -> bool:
        a = spans[i][0]
        if spans[i - 1][0] <= a < spans[i - 1][1]:
            return True
        if by == "told" and words is not None:
            return words[i] is not None and words[i] == words[i - 1]
        return by != "letters" and a > 0 and not text[a - 1].isspace()

    return [i > 0 and on(i) for i in range(len(spans))]


def in_words(joined: Sequence[bool]) -> list[list[int]]:
    """The places of tokens, those of a word together."""
    number, numbers = -1, []
    for on in joined:
        number += not on
        numbers.append(number)
    return [[i for i, _ in group] for _, group in groupby(enumerate(numbers), key=lambda each: each[1])]
