"""translate: text in one language -> text in another, with every word's attention."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, overload

from pydantic import Field

from ..data.normalise import NORMALISERS
from ..decode import Beam, Choice, Ending, Hypothesis, Sample, Step, Typist, stream
from ..errors import InputError, RecipeError, SpecError, TaskError, did_you_mean
from ..hub import Opened
from ..inputs import Encoded, pad, sentences
from ..look.align import Alignment
from ..look.picture import Picture, Subwords
from ..spec import Stack
from ..values import value
from .alignments import aligned, picture, subwords
from .asking import rules
from .result import Candidate, Chosen, Cost, Result
from .watching import Watcher

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
    length_penalty: Annotated[float, Field(allow_inf_nan=False)] | None = None
    max_length: Count | None = None
    sample: Sample | None = None
    batch: Count = 32
    align: bool = True

    def __post_init__(self) -> None:
        if self.sample is not None and self.beam is not None:
            raise RecipeError("a beam searches and a sample draws: got both.", "Give a beam, or a temperature.")
        if self.sample is not None and self.length_penalty is not None:
            raise RecipeError("a sample is not searched for, so no length is rewarded: got length_penalty as well.", "Leave one out.")
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
    def __call__(
        self, text: list[str] | tuple[str, ...], options: TranslateOptions | None = None, **changes: Any
    ) -> list[Result]: ...
    def __call__(self, text: object, options: TranslateOptions | None = None, **changes: Any) -> Result | list[Result]:
        """A text -> a Result; several -> a list, in order. Options as a value, or by name: `beam=5, nbest=3`.

        Texts are split into sentences, which is what the model was trained on. Raises InputError for what is no text, and for a
        sentence longer than the model has ever seen, with the numbers; RecipeError for an option that is unknown or out of range.
        """
        options = _with(options, changes)
        results = self._all(_texts(text), options)
        return results[0] if isinstance(text, str) else results

    def check(self, text: str) -> None:
        """Raises InputError, as a call would, for a text that cannot be translated; nothing is computed but its tokens."""
        self._sentences(0, text)

    def stream(self, text: object, options: TranslateOptions | None = None, **changes: Any) -> Iterator[str | Result]:
        """Pieces of the translation of one text as soon as nothing can change them, with beams too; the Result comes last.

        The pieces together are the Result's text. Raises what a call raises, at once, and RecipeError for several drawn translations:
        which of them is the best is known only when all are there.
        """
        options = _with(options, changes)
        if options.sample is not None and self._choice(options).nbest > 1:
            raise RecipeError("a stream shows one drawn translation: got nbest above 1.", "Leave out nbest, or do not stream.")
        if not isinstance(text, str):
            raise InputError(f"a stream takes one text: got {type(text).__name__}.", "Stream several texts one after the other.")
        return self._streamed(text, self._sentences(0, text), options)

    def _streamed(self, text: str, found: list[_Sentence], options: TranslateOptions) -> Iterator[str | Result]:
        answers: list[_Answer] = []
        gap, begun = "", False
        for sentence in found:
            typist = Typist(self.opened.text.decode, self.opened.text.begins_word)
            watcher, done = self._watcher(options), list[list[Hypothesis]]()
            for step in watcher.steps(self._steps([sentence], options)):
                done = step.done
                if shown := typist.more(step.fixed(0)):
                    yield gap + shown
                    gap, begun = "", True
            answers.append(self._answer(sentence, self._best(done[0], options), watcher, watcher.seconds))
            if shown := typist.more(_said(answers[-1].hypotheses[0]), last=True):
                yield gap + shown
                begun = True
            gap = sentence.gap if begun else ""
        yield self._result(text, answers)

    # --- from texts to sentences and back -------------------------------------------------------------------------
    def _all(self, texts: Sequence[str], options: TranslateOptions) -> list[Result]:
        """Sentences of like length go together; results come in the order of the texts."""
        flat = [s for i, text in enumerate(texts) for s in self._numbered(i, texts)]
        flat.sort(key=lambda s: len(s.encoded.ids))
        answers: list[list[_Answer]] = [[] for _ in texts]
        for first in range(0, len(flat), options.batch):
            for answer in self._batch(flat[first : first + options.batch], options):
                answers[answer.sentence.text].append(answer)
        for each in answers:
            each.sort(key=lambda a: a.sentence.place)
        return [self._result(text, each) for text, each in zip(texts, answers, strict=True)]

    def _numbered(self, i: int, texts: Sequence[str]) -> list[_Sentence]:
        try:
            return self._sentences(i, texts[i])
        except InputError as error:
            if len(texts) == 1:
                raise
            raise InputError(f"text {i + 1} of {len(texts)}: {error.message}", error.hint) from None

    def _sentences(self, i: int, text: str) -> list[_Sentence]:
        spans = sentences(text)
        encoded = self.opened.text.encode_all([self._tidy(text[a:b]) for a, b in spans]) if spans else []
        nexts = [a for a, _ in spans[1:]] + [b for _, b in spans[-1:]]
        out: list[_Sentence] = []
        for place, (each, (_, b), after) in enumerate(zip(encoded, spans, nexts, strict=True)):
            if len(each.ids) > 1:
                out.append(_Sentence(i, place, each, text[b:after]))
            elif out:                                                # control characters alone are nothing to translate
                out[-1] = replace(out[-1], gap=out[-1].gap + text[b:after])
        encoder = self.opened.manifest.spec.encoder
        most = min(self.opened.manifest.generation.max_source, _room(encoder) or sys.maxsize)
        for s in out:
            if len(s.encoded.ids) > most:
                raise InputError(
                    f'a sentence has {len(s.encoded.ids):,} tokens ("{s.encoded.text[:40]}..."); '
                    f"{self.opened.manifest.name} has learnt from at most {most}.",
                    "Put full stops or line breaks into it: sentences are translated one by one.",
                )
        return out

    def _result(self, text: str, answers: Sequence[_Answer]) -> Result:
        m = self.opened.manifest
        best = [a.hypotheses[0] for a in answers]
        count = max((len(a.hypotheses) for a in answers), default=0)
        seconds = sum((a.seconds for a in answers), 0.0)
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
        if a is None or not a.source or not a.target:
            return None
        title = self.opened.text.decode(_said(answer.hypotheses[0]))
        return picture(title, a, self.opened.manifest, answer.seconds, answer.subwords)

    def _chosen(self, hypothesis: Hypothesis, n: int) -> Chosen:
        return Chosen(self.opened.text.piece(hypothesis.tokens[n]), math.exp(hypothesis.logprobs[n]))

    def _joined(self, answers: Sequence[_Answer], n: int) -> str:
        """The n-th best translation of each sentence, with the white space that stood between them."""
        text = gap = ""
        for answer in answers:
            if said := self._text(_nth(answer, n)):
                text += gap + said
            gap = answer.sentence.gap if text else ""
        return text

    # --- the model ------------------------------------------------------------------------------------------------
    def _batch(self, batch: list[_Sentence], options: TranslateOptions) -> list[_Answer]:
        watcher, done = self._watcher(options), list[list[Hypothesis]]()
        for step in watcher.steps(self._steps(batch, options)):
            done = step.done
        share = watcher.seconds / len(batch)
        return [self._answer(s, self._best(found, options), watcher, share) for s, found in zip(batch, done, strict=True)]

    def _best(self, found: Sequence[Hypothesis], options: TranslateOptions) -> list[Hypothesis]:
        """The best answers, best first, each text once: pieces may spell one text in several ways."""
        best: dict[str, Hypothesis] = {}
        for hypothesis in sorted(found, key=lambda h: (not h.ended, -h.score)):
            best.setdefault(self._text(hypothesis), hypothesis)
        return list(best.values())[: self._choice(options).nbest]

    def _text(self, hypothesis: Hypothesis) -> str:
        return self.opened.text.decode(_said(hypothesis))

    def _steps(self, batch: Sequence[_Sentence], options: TranslateOptions) -> Iterator[Step]:
        o, g = self.opened, self.opened.manifest.generation
        longest = options.max_length or g.max_length
        ending = Ending(frozenset(g.end), min(longest, _room(o.manifest.spec.decoder) or longest))
        source = pad([s.encoded.ids for s in batch], filler=g.pad).to(o.device)
        return stream(o.model, source, self._choice(options), ending=ending, start=g.start or 0, filters=rules(g, ending))

    def _choice(self, options: TranslateOptions) -> Choice:
        if options.sample is not None:
            return replace(options.sample, nbest=max(options.nbest, options.sample.nbest))
        g = self.opened.manifest.generation
        penalty = g.length_penalty if options.length_penalty is None else options.length_penalty
        return Beam(width=options.beam or max(g.beam, options.nbest), length_penalty=penalty, nbest=options.nbest, until=g.until)

    def _watcher(self, options: TranslateOptions) -> Watcher:
        aligner = self.opened.manifest.aligner
        return Watcher(self.opened.model, aligner.attention if aligner is not None and options.align else None)

    def _answer(self, sentence: _Sentence, hypotheses: list[Hypothesis], watcher: Watcher, seconds: float) -> _Answer:
        aligner = self.opened.manifest.aligner
        if not watcher.watching or aligner is None:
            return _Answer(sentence, hypotheses, None, None, seconds)
        best, text = hypotheses[0], self.opened.text
        weights = watcher.weights(best.rows)[:, :, : len(sentence.encoded.ids)]  # (h q k), without the batch's padding
        alignment = aligned(weights[list(aligner.heads)], sentence.encoded, best.tokens, text, shift=aligner.shift)
        pieces = subwords(weights, sentence.encoded, best.tokens, text, shift=aligner.shift)
        return _Answer(sentence, hypotheses, alignment, pieces, seconds)


def _with(options: TranslateOptions | None, changes: dict[str, Any]) -> TranslateOptions:
    known = TranslateOptions.__dataclass_fields__
    if unknown := sorted(changes.keys() - known.keys()):
        raise RecipeError(f'translate has no option "{unknown[0]}".', did_you_mean(unknown[0], known))
    try:
        return replace(options or TranslateOptions(), **changes)
    except SpecError as error:
        raise RecipeError(error.message, error.hint) from None


def _texts(given: object) -> Sequence[str]:
    """What was given, as texts. Raises InputError that names the place of what is none."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list | tuple):
        raise InputError(f"a text or a list of texts is wanted: got {type(given).__name__}.", 'For instance translate(["One.", "Two."]).')
    for number, text in enumerate(given, 1):
        if not isinstance(text, str):
            raise InputError(f"text {number} of {len(given)} is no text: got {type(text).__name__} {text!r:.40}.", "Give text only.")
    return given


def _room(stack: Stack | None) -> int | None:
    """How many positions a stack has, None where there is no end of them."""
    return None if stack is None else getattr(stack.position, "length", None)


def _nth(answer: _Answer, n: int) -> Hypothesis:
    return answer.hypotheses[min(n, len(answer.hypotheses) - 1)]


def _said(hypothesis: Hypothesis) -> tuple[int, ...]:
    """The tokens without the end mark."""
    return hypothesis.tokens[:-1] if hypothesis.ended else hypothesis.tokens
