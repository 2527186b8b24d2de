"""Deciding: which words decided a class, measured by reading the text again without each of them, beside the attention that they got.

A word is masked where the model has a mask, and left out where it has none (Li et al. 2016, Understanding Neural Networks through
Representation Erasure). Attention stands beside it and never alone: it need not agree (Jain and Wallace 2019, Attention is not
Explanation), and how far it does is said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from ...inputs import Encoded, words
from ...look.why import Decider, Why
from ..reading.rows import Read, read
from ..reading.windows import Window
from .judging import Judge, Sheet, class_logits
from .odds import log_odds, scores
from .pooled import attended, described

Span = tuple[int, int]
Places = dict[int, list[int]]            # the number of a word -> its tokens' places in a window


@dataclass(frozen=True, eq=False)
class Found:
    """What was read of one text: logits (r w c) of the head for each row in each window, None where there was nothing to read."""

    logits: Float[Tensor, "r w c"] | None
    seconds: float


@dataclass(frozen=True)
class Word:
    """A word at one place of text number `part`; or several that share a token, which cannot be taken from one alone."""

    part: int
    span: Span


def explain(opened: Opened, judge: Judge, sheets: Sequence[Sheet], found: Sequence[Found], *, batch: int) -> list[Why | None]:
    """Why each text was given its best label; None for one without a label. All texts' words are read together, in batches."""
    cases = [_Case(opened, judge, sheet, each.logits) for sheet, each in zip(sheets, found, strict=True) if each.logits is not None]
    without = [row for case in cases for _, row in case.erased]
    again = iter(read(opened, without, partial(class_logits, opened), batch=batch))
    looked = iter(read(opened, [row for case in cases for row in case.looked], partial(attended, opened), batch=batch))
    whys = iter([case.why([next(again) for _ in case.erased], [next(looked) for _ in case.looked]) for case in cases])
    return [None if each.logits is None else next(whys) for each in found]


class _Case:
    """One text: its words, where their tokens stand in each window, and the rows without them. The last of `erased` lack all words."""

    def __init__(self, opened: Opened, judge: Judge, sheet: Sheet, logits: Float[Tensor, "r w c"]):
        self._opened, self._judge, self._sheet, self._logits = opened, judge, sheet, logits
        values = scores(judge.logits(logits), sheet.shares, judge.kind)
        self._label = max(range(len(values)), key=values.__getitem__)
        self._words = _words(sheet)
        self._places = [[_places(self._words, window.encoded) for window in row] for row in sheet.rows]
        self.erased = list(self._erased())

    @property
    def looked(self) -> list[Encoded]:
        """The windows whose attention is shown: of the row that the label was read in."""
        return [window.encoded for window in self._sheet.rows[self._row]]

    @property
    def _row(self) -> int:
        return self._label if self._judge.hypotheses else 0

    def _erased(self) -> Iterator[tuple[tuple[int, int, int], Encoded]]:
        """Rows without a word, each with the word's number, its row and its window."""
        marks = self._opened.text.marks
        rest = next(each for each in (marks.start, marks.end, self._opened.text.pad) if each is not None)
        without = partial(_without, mask=marks.mask, rest=rest)
        for r, (row, places) in enumerate(zip(self._sheet.rows, self._places, strict=True)):
            for w, (window, held) in enumerate(zip(row, places, strict=True)):
                for number, tokens in held.items():
                    yield (number, r, w), without(window.encoded, tokens)
                if held:
                    yield (len(self._words), r, w), without(window.encoded, [i for tokens in held.values() for i in tokens])

    def why(self, again: Sequence[Read], looked: Sequence[Read]) -> Why:
        """The effects and the attention of all words. `again`: logits of `erased`; `looked`: attention of `looked`."""
        parts: dict[int, list[tuple[int, int, Tensor]]] = {}
        for ((number, r, w), _), each in zip(self.erased, again, strict=True):
            parts.setdefault(number, []).append((r, w, each.values))
        before = self._odds(self._logits)
        each = [self._word(number, parts[number], before, looked) for number in range(len(self._words))]
        bare = self._changed(parts.get(len(self._words), []))
        return Why(
            label=self._judge.labels[self._label],
            score=self._score(self._logits),
            words=tuple(each),
            how="left out" if self._opened.text.marks.mask is None else "masked",
            bare=self._score(bare),
            change=before - self._odds(bare),
            seen_by=described(self._opened),
            quantity=self._judge.kind == "raw",
            seconds=sum((one.seconds for one in (*again, *looked)), 0.0),
        )

    def _word(self, number: int, parts: Sequence[tuple[int, int, Tensor]], before: float, looked: Sequence[Read]) -> Decider:
        changed, word = self._changed(parts), self._words[number]
        return Decider(
            text=self._sheet.said(word.part)[slice(*word.span)],
            span=word.span,
            part=word.part,
            effect=before - self._odds(changed),
            score=self._score(changed),
            attention=self._attention(number, looked),
        )

    def _changed(self, parts: Sequence[tuple[int, int, Tensor]]) -> Float[Tensor, "r w c"]:
        """The logits with those of some windows as they are without a word."""
        logits = self._logits.clone()
        for r, w, values in parts:
            logits[r, w] = values
        return logits

    def _attention(self, number: int, looked: Sequence[Read]) -> float:
        """The share of a word's tokens, of all windows by their shares of the text."""
        shares, whole = self._sheet.shares, 0.0
        for share, one, at in zip(shares, looked, self._places[self._row], strict=True):
            whole += share * float(one.values[at.get(number, [])].sum())
        return whole / sum(shares)

    def _odds(self, logits: Tensor) -> float:
        return log_odds(self._judge.logits(logits), self._sheet.shares, self._judge.kind, self._label)

    def _score(self, logits: Tensor) -> float:
        return scores(self._judge.logits(logits), self._sheet.shares, self._judge.kind)[self._label]


def _words(sheet: Sheet) -> list[Word]:
    """All words that have a token, in order; those that share one are one."""
    found: list[Word] = []
    for part in sheet.asked:
        held = [Word(part, span) for span in words(sheet.said(part))]
        tokens = sorted({span for window in sheet.rows[0] for span in _spans(window, part)})
        found += _joined(held, tokens)
    return found


def _spans(window: Window, part: int) -> Iterator[Span]:
    """The characters of the tokens of one text."""
    for of, (a, b) in zip(window.encoded.parts, window.encoded.offsets, strict=True):
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


def _places(held: Sequence[Word], encoded: Encoded) -> Places:
    """Where the tokens of words stand in a row; white space and marks are of none."""
    ends = [(word.part, word.span[1]) for word in held]
    found: Places = {}
    for i, (part, (a, b)) in enumerate(zip(encoded.parts, encoded.offsets, strict=True)):
        if part is None or a >= b:
            continue
        number = bisect_right(ends, (part, a))                       # the first word that ends behind the token's first character
        if number < len(held) and held[number].part == part and held[number].span[0] < b:
            found.setdefault(number, []).append(i)
    return found


def _without(encoded: Encoded, tokens: Sequence[int], *, mask: int | None, rest: int) -> Encoded:
    """A row with some tokens masked, or left out where there is no mask; `rest`: the mark that is read where nothing is left."""
    gone = set(tokens)
    if mask is not None:
        return replace(encoded, ids=tuple(mask if i in gone else id for i, id in enumerate(encoded.ids)))
    kept = [i for i in range(len(encoded.ids)) if i not in gone]
    if not kept:
        return replace(encoded, ids=(rest,), segments=encoded.segments[:1])
    return replace(encoded, ids=tuple(encoded.ids[i] for i in kept), segments=tuple(encoded.segments[i] for i in kept))
