"""answer: a question and a text -> the words of the text that answer it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, overload

import torch
from pydantic import Field
from torch import Tensor

from ...errors import TaskError
from ...hub import Opened
from ...inputs import Encoded, sentences
from ...inputs.words import trimmed
from ...values import value
from ..asking import numbered, with_changes
from ..fitness import check_fit
from ..reading.stitching import Cutting, Stitched, read_long
from ..reading.windows import Window
from ..reading.wording import Span, goes_on, in_words
from ..result import Columns, Cost
from .answered import Answered, Passage
from .likeliest import likeliest
from .questions import Question, as_questions

HEAD, CONTEXT = "span", 1


@value
class AnswerOptions:
    """How to answer. `nbest`: answers given back; `max_answer`: tokens of one at most; `whole_words`: an answer that begins or ends
    inside a word is widened to it (switch it off for writing without spaces between words).

    `none`: whether "no answer" is one of the answers. True and False say so; None leaves it to the model: yes where it has a mark before
    the question that it reads in both directions, as models trained on SQuAD 2.0 use (Rajpurkar et al. 2018). Those that were trained
    without it hold it for next to impossible.
    `window`: tokens read at once, by default 384 or what the model has room for; `overlap`: tokens that neighbours share, by default 128
    or half a window; `batch`: windows read together.
    """

    nbest: Annotated[int, Field(ge=1)] = 1
    max_answer: Annotated[int, Field(ge=1)] = 15
    none: bool | None = None
    whole_words: bool = True
    window: Annotated[int, Field(ge=1)] | None = None
    overlap: Annotated[int, Field(ge=0)] | None = None
    batch: Annotated[int, Field(ge=1)] = 32


class Answer:
    """The task of answering out of a text, over one model; call it with a question and its text, or several such.

        answer = limelight.task("answer", "./roberta-squad")
        result = answer(question="Who signed?", context=contract)
        result.text, result.score, contract[result.start:result.end]

    The score of a span is p(start) * p(end), each a softmax over the text's tokens and the mark before the question. Where a text is
    read in several windows, the softmax is over all of them at once, each token as the window says where it has most around it (and
    the mark as the window says that holds "no answer" for least likely), so that scores compare across a document; a softmax over each
    window for itself would make an answer in a window that holds none as likely as the true one. With one window the two are the same.
    Spans that come to the same words are one answer, with the best of their scores. Of two windows that meet inside a span, each
    speaks for its own end.
    """

    Options = AnswerOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "answer")
        self.opened = opened

    @overload
    def __call__(
        self, asked: Question | tuple[str, str] | dict[str, str], options: AnswerOptions | None = None, **changes: Any
    ) -> Answered: ...
    @overload
    def __call__(self, asked: list[Any], options: AnswerOptions | None = None, **changes: Any) -> list[Answered]: ...
    @overload
    def __call__(self, asked: None = None, options: AnswerOptions | None = None, **changes: Any) -> Any: ...
    def __call__(self, asked: object = None, options: AnswerOptions | None = None, **changes: Any) -> Answered | list[Answered]:
        """A question with its text -> a result; several -> a list, in order; or by name: question=..., context=..., either of them a
        list. Options as a value, or by name: `nbest=3, none=True`.

        Raises InputError for an empty question or one that leaves the text no room, with the numbers; TaskError where `none` is asked
        of a model that has no mark for it; RecipeError for an unknown option.
        """
        named = {name: changes.pop(name, None) for name in ("question", "context")}
        options = with_changes("answer", options, AnswerOptions, changes)
        items, several = as_questions(asked, **named)
        cut = self._cut(items, options)
        read = [n for n, (_, windows) in enumerate(cut) if windows]
        found = dict(zip(read, read_long(self.opened, [cut[n][1] for n in read], HEAD, batch=options.batch), strict=True))
        results = [self._result(item, cut[n][0], found.get(n), options) for n, item in enumerate(items)]
        return results if several else results[0]

    def columns(self, options: AnswerOptions) -> Columns:
        """What a table gets."""
        if options.nbest > 1:
            return {"": list[str], "score": list[float], "start": list[int], "end": list[int]}
        return {"": str, "score": float, "start": int, "end": int}

    def check(self, item: object, options: AnswerOptions | None = None) -> None:
        """Raises InputError, as a call would, for what cannot be answered; nothing is computed but its tokens."""
        items, _ = as_questions(item)
        self._cut(items, options or AnswerOptions())

    # --- from questions to windows and back ---------------------------------------------------------------------------
    def _cut(self, items: Sequence[Question], options: AnswerOptions) -> list[tuple[Encoded, list[Window]]]:
        encoded = self.opened.text.encode_all([each.question for each in items], [each.context for each in items])
        cutting = Cutting(window=options.window, overlap=options.overlap)
        out: list[tuple[Encoded, list[Window]]] = []
        for n, whole in enumerate(encoded):
            if options.none and not self._says_none(whole):
                raise TaskError(f'"{self.opened.manifest.name}" has no mark at which "no answer" could be read.', "Leave none out.")
            there = CONTEXT in whole.parts
            out.append((whole, numbered(n, items, lambda whole=whole: cutting.windows(self.opened, whole, CONTEXT)) if there else []))
        return out

    def _says_none(self, whole: Encoded) -> bool:
        """A model that reads from left to right has seen nothing yet at its first mark."""
        return self.opened.manifest.spec.encoder is not None and whole.parts[:1] == (None,)

    def _result(self, item: Question, whole: Encoded, found: Stitched | None, options: AnswerOptions) -> Answered:
        nbest, none = self._passages(item, whole, found, options) if found else ([], None)
        return Answered(
            task="answer",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=item.question,
            cost=Cost(found.seconds if found else 0.0, found.ids if found else len(whole.ids)),
            context=item.context,
            nbest=tuple(nbest),
            none=none,
            windows=found.windows if found else 1,
            listed=options.nbest > 1,
        )

    def _passages(
        self, item: Question, whole: Encoded, found: Stitched, options: AnswerOptions
    ) -> tuple[list[Passage], float | None]:
        start, end, none = _log_probabilities(found, marked=self._says_none(whole))
        sides = _sides(whole, options.whole_words)
        best: dict[Span, float] = {}
        for score, first, last in likeliest(start, end, longest=options.max_answer, at_least=4 * options.nbest + 16):
            a, b = trimmed(item.context, sides[first][0], sides[last][1])
            if a < b:
                best.setdefault((a, b), math.exp(score))
            if len(best) == options.nbest:
                break
        around = sentences(item.context)
        nbest = [Passage(item.context[a:b], score, a, b, _around(around, a, b)) for (a, b), score in best.items()]
        if none is not None and options.none is not False:
            nbest = sorted([*nbest, Passage("", none, 0, 0)], key=lambda each: -each.score)[: options.nbest]
        return nbest, none


def _log_probabilities(found: Stitched, *, marked: bool) -> tuple[Tensor, Tensor, float | None]:
    """Of an answer that starts, or ends, at each token (n); and the probability of none."""
    values = found.values.double()
    if not marked:
        start, end = values.log_softmax(0).unbind(1)
        return start, end, None
    marks = found.firsts.double()
    least = marks[marks.sum(1).argmin()]
    start, end = torch.cat([values, least[None]]).log_softmax(0).unbind(1)
    return start[:-1], end[:-1], math.exp(float(start[-1] + end[-1]))


def _sides(whole: Encoded, whole_words: bool) -> list[Span]:
    """For each token, the characters that an answer has which begins, or ends, there."""
    spans = [span for span, of in zip(whole.offsets, whole.parts, strict=True) if of == CONTEXT]
    if not whole_words:
        return spans
    return list(_widened(spans, in_words(goes_on(whole, CONTEXT, "told"))))


def _widened(spans: Sequence[Span], words: Sequence[Sequence[int]]) -> Iterator[Span]:
    for word in words:
        a, b = min(spans[i][0] for i in word), max(spans[i][1] for i in word)
        yield from [(a, b)] * len(word)


def _around(parts: Sequence[Span], a: int, b: int) -> Span:
    """From where the sentence begins that holds `a`, to where that ends which holds the last character before `b`."""
    starts = [start for start, _ in parts]
    first, last = (max(0, bisect_right(starts, at) - 1) for at in (a, b - 1))
    return min(a, parts[first][0]), max(b, parts[last][1])
