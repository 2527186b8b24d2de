"""Words of what a model reads: where their tokens stand in each row, and the rows without them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...inputs import Encoded, words

Span = tuple[int, int]
Places = Mapping[int, Sequence[int]]     # the number of a word -> its tokens' places in a row


@dataclass(frozen=True)
class Word:
    """A word at one place of text number `part`; or several that share a token, which cannot be taken from one alone."""

    part: int
    span: Span


@dataclass(frozen=True)
class Gone:
    """How a model does without tokens: `mask` in their place, or left out where it has none.

    `rest`: the mark that stands in front where fewer than `least` ids would be left.
    """

    mask: int | None
    rest: int
    least: int = 1

    @property
    def how(self) -> Literal["masked", "left out"]:
        """In words."""
        return "left out" if self.mask is None else "masked"

    def without(self, row: Encoded, tokens: Collection[int]) -> Encoded:
        """A row without some of its tokens."""
        if self.mask is not None:
            return row.masked(tokens, self.mask)
        gone = set(tokens)
        left = row.only([i for i in range(len(row.ids)) if i not in gone])
        if len(left.ids) >= self.least:
            return left
        return replace(left, ids=(self.rest, *left.ids), segments=(*row.segments[:1], *left.segments))


def words_of(rows: Sequence[Encoded], asked: Sequence[int] = (0,)) -> list[Word]:
    """All words of the texts number `asked` that have a token in one of the rows, in order; those that share a token are one."""
    found: list[Word] = []
    for part in asked:
        held = [Word(part, span) for span in words(said(rows[0], part))]
        found += _joined(held, sorted({span for row in rows for span in _spans(row, part)}))
    return found


def said(row: Encoded, part: int) -> str:
    """The text of that number."""
    return row.other if part else row.text


def places_of(held: Sequence[Word], row: Encoded) -> Places:
    """Where the tokens of words stand in a row; white space and marks are of none."""
    ends = [(word.part, word.span[1]) for word in held]
    found: dict[int, list[int]] = {}
    for i, (part, (a, b)) in enumerate(zip(row.parts, row.offsets, strict=True)):
        if part is None or a >= b:
            continue
        number = bisect_right(ends, (part, a))                       # the first word that ends behind the token's first character
        if number < len(held) and held[number].part == part and held[number].span[0] < b:
            found.setdefault(number, []).append(i)
    return found


def _spans(row: Encoded, part: int) -> Iterator[Span]:
    """The characters of the tokens of one text."""
    for of, (a, b) in zip(row.parts, row.offsets, strict=True):
        if of == part and a < b:
            yield a, b


def _joined(held: Sequence[Word], tokens: Sequence[Span]) -> list[Word]:
    """Words that a token goes across are put together; one without a token goes."""
    starts = [word.span[0] for word in held]
    first: dict[int, int] = {}                                       # a word -> the first one that it hangs together with
    for a, b in tokens:
        touched = [i for i in range(max(0, bisect_right(starts, a) - 1), bisect_right(starts, b - 1)) if held[i].span[1] > a]
        for i in touched:
            first[i] = first.get(touched[0], touched[0])
    joined: dict[int, Word] = {}
    for i in sorted(first):
        begin = joined.get(first[i], held[i])
        joined[first[i]] = replace(begin, span=(begin.span[0], held[i].span[1]))
    return list(joined.values())
