"""translate: text in one language -> text in another, with every word's attention."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated, Any, overload

from pydantic import Field

from ..data.normalise import NORMALISERS
from ..decode import Beam, Choice, Ending, Hypothesis, Sample, Step, Suppress, Typist, stream
from ..errors import InputError, RecipeError, TaskError
from ..hub import Opened
from ..inputs import Encoded, pad, sentences
from ..look import Trace, trace
from ..look.align import Alignment
from ..look.picture import Picture, Subwords
from ..values import value
from .alignments import aligned, picture, subwords
from .result import Candidate, Chosen, Cost, Result

Count = Annotated[int, Field(ge=1)]
PIPELINE_KEYS = {"text": "translation_text"}


@value
class TranslateOptions:
    """How to translate; None means what the model's folder says.

    `beam`: partial translations kept (1 is greedy). `nbest`: translations given back, at most `beam`. `max_length`: tokens a
    sentence at most; a translation cut off there says `complete=False`. `sample` draws instead of searching. `batch`: sentences
    at once. `align`: whether to align words, where the model has a measured aligner.
    """

    beam: Count | None = None
    nbest: Count = 1
    length_penalty: float | None = None
    max_length: Count | None = None
    sample: Sample | None = None
    batch: Count = 32
    align: bool = True

    def __post_init__(self) -> None:
        if self.sample is not None and self.beam is not None:
            raise RecipeError("a beam searches and a sample draws: got both.", "Give a beam, or a temperature.")
        if self.beam is not None and self.nbest > self.beam:
            raise RecipeError(f"nbest={self.nbest} needs a beam at least as wide: got beam={self.beam}.", f"Use beam={self.nbest}.")


@dataclass(frozen=True, eq=False)
class _Sentence:
    """One sentence of one text, ready for the model; `gap`: the white space that followed it."""

    text: int
    place: int
    encoded: Encoded
    gap: str


@dataclass(frozen=True, eq=False)
class _Answer:
    """What came out for one sentence."""

    sentence: _Sentence
    hypotheses: list[Hypothesis]
    alignment: Alignment | None
    subwords: Subwords | None
    seconds: float


class Translate:
    """The translation task over one model; call it with a text or several.

        translate = limelight.task("translate", "en-fr")
        result = translate("The black cat ate the mouse.")
    """

    Options = TranslateOptions

    def __init__(self, opened: Opened):
        m = opened.manifest
        if m.task != "translate":
            raise TaskError(f'the model "{m.name}" was made to {m.task}, not to translate.', "`limelight models` lists what each can do.")
        self.opened = opened
        self._tidy = NORMALISERS.get(m.source_language or "none", NORMALISERS["none"])

    @overload
    def __call__(self, text: str, options: TranslateOptions | None = None, **changes: Any) -> Result: ...
    @overload
    def __call__(self, text: list[str], options: TranslateOptions | None = None, **changes: Any) -> list[Result]: ...
    def __call__(self, text: str | list[str], options: TranslateOptions | None = None, **changes: Any) -> Result | list[Result]:
        """A text -> a Result; several -> a list, in order. Options as a value, or by name: `beam=5, nbest=3`.

        Texts are split into sentences, which is what the model was trained on. Raises InputError for a sentence longer than it
        has ever seen, with the numbers.
        """
        options = _with(options, changes)
        results = self._all([text] if isinstance(text, str) else text, options)
        return results[0] if isinstance(text, str) else results

    def stream(self, text: str, options: TranslateOptions | None = None, **changes: Any) -> Iterator[str | Result]:
        """Pieces of the translation as soon as nothing can change them, with beams too; the Result comes last."""
        options = _with(options, changes)
        answers: list[_Answer] = []
        found = self._sentences(0, text)
        for sentence in found:
            typist = Typist(self.opened.text.decode, self.opened.text.begins_word)
            began, last = time.perf_counter(), None
            with self._watch(options) as seen:
                for last in self._steps([sentence], options):
                    if shown := typist.more(last.fixed(0)):
                        yield shown
                if last is None:
                    continue
                hypotheses = last.done[0][: self._choice(options).nbest]
                answers.append(self._answer(sentence, hypotheses, seen, time.perf_counter() - began))
            tail = sentence.gap if sentence is not found[-1] else ""
            if shown := typist.more(_said(hypotheses[0]), last=True) + tail:
                yield shown
        yield self._result(text, answers)

    # --- from texts to sentences and back -------------------------------------------------------------------------
    def _all(self, texts: Sequence[str], options: TranslateOptions) -> list[Result]:
        """Sentences of like length go together; results come in the order of the texts."""
        flat = [s for i, text in enumerate(texts) for s in self._sentences(i, text)]
        flat.sort(key=lambda s: len(s.encoded.ids))
        answers: list[list[_Answer]] = [[] for _ in texts]
        for first in range(0, len(flat), options.batch):
            for answer in self._batch(flat[first : first + options.batch], options):
                answers[answer.sentence.text].append(answer)
        for each in answers:
            each.sort(key=lambda a: a.sentence.place)
        return [self._result(text, each) for text, each in zip(texts, answers, strict=True)]

    def _sentences(self, i: int, text: str) -> list[_Sentence]:
        spans = sentences(text)
        encoded = self.opened.text.encode_all([self._tidy(text[a:b]) for a, b in spans]) if spans else []
        nexts = [a for a, _ in spans[1:]] + [spans[-1][1] if spans else 0]
        out = [
            _Sentence(i, place, each, text[b:after])
            for place, (each, (_, b), after) in enumerate(zip(encoded, spans, nexts, strict=True))
            if len(each.ids) > 1                                     # control characters alone are nothing to translate
        ]
        most = self.opened.manifest.generation.max_source
        for s in out:
            if len(s.encoded.ids) > most:
                raise InputError(
                    f'text {i + 1} has a sentence of {len(s.encoded.ids):,} tokens ("{s.encoded.text[:40]}..."); '
                    f"{self.opened.manifest.name} has learnt from at most {most}.",
                    "Put full stops or line breaks into it: sentences are translated one by one.",
                )
        return out

    def _result(self, text: str, answers: Sequence[_Answer]) -> Result:
        m = self.opened.manifest
        best = [a.hypotheses[0] for a in answers]
        count = max((len(a.hypotheses) for a in answers), default=0)
        seconds = sum(a.seconds for a in answers)
        return Result(
            task="translate",
            model=m.name,
            source=text,
            text=self._joined(answers, 0),
            nbest=tuple(Candidate(self._joined(answers, n), sum(_nth(a, n).score for a in answers)) for n in range(count)),
            complete=all(h.ended for h in best),
            steps=tuple(self._chosen(h, n) for h in best for n in range(len(h.tokens))),
            cost=Cost(seconds, sum(len(a.sentence.encoded.ids) for a in answers), sum(len(h.tokens) for h in best)),
            alignments=tuple(a.alignment for a in answers if a.alignment is not None),
            pictures=tuple(p for a in answers if (p := self._picture(a)) is not None),
            keys=PIPELINE_KEYS,
        )

    def _picture(self, answer: _Answer) -> Picture | None:
        """None for a sentence without words: a picture needs some on both sides."""
        a = answer.alignment
        return picture(a, self.opened.manifest, answer.seconds, answer.subwords) if a is not None and a.source and a.target else None

    def _chosen(self, hypothesis: Hypothesis, n: int) -> Chosen:
        return Chosen(self.opened.text.piece(hypothesis.tokens[n]), math.exp(hypothesis.logprobs[n]))

    def _joined(self, answers: Sequence[_Answer], n: int) -> str:
        """The n-th best translation of each sentence, with the white space that stood between them."""
        parts = [self.opened.text.decode(_said(_nth(a, n))) + a.sentence.gap for a in answers]
        return "".join(parts).rstrip()

    # --- the model ------------------------------------------------------------------------------------------------
    def _batch(self, batch: list[_Sentence], options: TranslateOptions) -> list[_Answer]:
        began, last = time.perf_counter(), None
        with self._watch(options) as seen:
            for step in self._steps(batch, options):
                last = step
            done = [] if last is None else last.done
            nbest = self._choice(options).nbest
            seconds = (time.perf_counter() - began) / len(batch)
            return [self._answer(s, hypotheses[:nbest], seen, seconds) for s, hypotheses in zip(batch, done, strict=True)]

    def _steps(self, batch: Sequence[_Sentence], options: TranslateOptions) -> Iterator[Step]:
        o, g = self.opened, self.opened.manifest.generation
        longest = options.max_length or g.max_length
        decoder = o.manifest.spec.decoder
        room = getattr(decoder.position, "length", None) if decoder else None
        ending = Ending(frozenset([g.end]), min(longest, room or longest))
        source = pad([s.encoded.ids for s in batch], filler=g.pad).to(o.device)
        never = (Suppress(tokens=(g.pad, g.start)),)
        return stream(o.model, source, self._choice(options), ending=ending, start=g.start, filters=never)

    def _choice(self, options: TranslateOptions) -> Choice:
        if options.sample is not None:
            return replace(options.sample, nbest=options.nbest)
        g = self.opened.manifest.generation
        penalty = g.length_penalty if options.length_penalty is None else options.length_penalty
        return Beam(width=options.beam or max(g.beam, options.nbest), length_penalty=penalty, nbest=options.nbest)

    def _watch(self, options: TranslateOptions) -> AbstractContextManager[Trace | None]:
        aligner = self.opened.manifest.aligner
        if not options.align or aligner is None:
            return nullcontext()
        return trace(self.opened.model, layers=aligner.attention, budget="2GB")

    def _answer(self, sentence: _Sentence, hypotheses: list[Hypothesis], seen: Trace | None, seconds: float) -> _Answer:
        aligner = self.opened.manifest.aligner
        if seen is None or aligner is None:
            return _Answer(sentence, hypotheses, None, None, seconds)
        best, text = hypotheses[0], self.opened.text
        weights = seen[aligner.attention].weights(path=best.rows)[0]             # (h q k)
        alignment = aligned(weights[list(aligner.heads)], sentence.encoded, best.tokens, text, shift=aligner.shift)
        pieces = subwords(weights, sentence.encoded, best.tokens, text, shift=aligner.shift)
        return _Answer(sentence, hypotheses, alignment, pieces, seconds)


def _with(options: TranslateOptions | None, changes: dict[str, Any]) -> TranslateOptions:
    return replace(options or TranslateOptions(), **changes)


def _nth(answer: _Answer, n: int) -> Hypothesis:
    return answer.hypotheses[min(n, len(answer.hypotheses) - 1)]


def _said(hypothesis: Hypothesis) -> tuple[int, ...]:
    """The tokens without the end mark."""
    return hypothesis.tokens[:-1] if hypothesis.ended else hypothesis.tokens
