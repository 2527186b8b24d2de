"""translate: text in one language -> text in another, with every word's attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

from ...data.normalise import NORMALISERS
from ...errors import InputError
from ...hub import Opened
from ...inputs import sentences, words
from ...look.picture import Picture
from ...values import value
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit
from ..result import Columns
from ..writing.generated import Generated
from ..writing.scribe import Answer, Part, Scribe, Sight, by_text
from ..writing.writer import Writer, Writing
from .alignments import Aligning, Told, told
from .forcing import Couple, Forcing
from .languages import Pair, choose
from .unmeasured import chosen_blind

PIPELINE_KEYS = {"text": "translation_text"}


@value
class TranslateOptions(Writing):
    """How to translate: see Writing. `align`: whether to align words; None: where the model has a measured aligner. Of one that has none,
    the attention is chosen on the translations themselves, and pictures say that nobody has measured it.

    `source_language` and `target_language`: for a model of several; the names are the model's own ("en", "fra_Latn").
    """

    align: bool | None = None
    source_language: str | None = None
    target_language: str | None = None


class Translate:
    """The translation task over one model; call it with a text or several.

        translate = limelight.task("translate", "en-fr")
        result = translate("The black cat ate the mouse.")
    """

    Options = TranslateOptions
    use = "translate"

    def __init__(self, opened: Opened):
        check_fit(opened, "translate")
        self.opened = opened
        self._tidy = NORMALISERS.get(opened.manifest.source_language or "none", NORMALISERS["none"])

    @overload
    def __call__(self, text: str, options: TranslateOptions | None = None, **changes: Any) -> Generated: ...
    @overload
    def __call__(
        self, text: list[str] | tuple[str, ...], options: TranslateOptions | None = None, **changes: Any
    ) -> list[Generated]: ...
    def __call__(self, text: object, options: TranslateOptions | None = None, **changes: Any) -> Generated | list[Generated]:
        """A text -> a result; several -> a list, in order. Options as a value, or by name: `beam=5, nbest=3`.

        Texts are split into sentences, which is what the model was trained on. Raises InputError for what is no text, and for a
        sentence longer than the model has ever seen, with the numbers; RecipeError for an option that is unknown or out of range.
        """
        options, texts = with_changes("translate", options, TranslateOptions, changes), as_texts(text)
        pair = self._pair(options)
        scribe = self._scribe(options, pair)
        parts = [part for i in range(len(texts)) for part in numbered(i, texts, lambda i=i: self._parts(i, texts[i], scribe, pair))]
        results = self._results(scribe, texts, scribe.all(parts), pair if options.align else None)
        return results[0] if isinstance(text, str) else results

    def columns(self, options: TranslateOptions) -> Columns:
        """What a table gets."""
        return options.columns

    def check(self, text: str, options: TranslateOptions | None = None) -> None:
        """Raises InputError, as a call would, for a text that cannot be translated; nothing is computed but its tokens."""
        options = options or TranslateOptions()
        pair = self._pair(options)
        self._parts(0, text, self._scribe(options, pair), pair)

    def stream(self, text: object, options: TranslateOptions | None = None, **changes: Any) -> Iterator[str | Generated]:
        """Pieces of the translation of one text as soon as nothing can change them, with beams too; the result comes last.

        The pieces together are the result's text. Raises what a call raises, at once, and RecipeError for several drawn translations.
        """
        options = with_changes("translate", options, TranslateOptions, changes)
        pair = self._pair(options)
        scribe = self._scribe(options, pair)
        whole = scribe.check_stream(text)
        lead = pair if options.align else None
        return scribe.streamed(self._parts(0, whole, scribe, pair), lambda answers: self._results(scribe, [whole], answers, lead)[0])

    # --- from texts to sentences and back -------------------------------------------------------------------------
    def _pair(self, options: TranslateOptions) -> Pair:
        return choose(self.opened, options.source_language, options.target_language)

    def _scribe(self, options: TranslateOptions, pair: Pair) -> Scribe:
        measured = options.align is not False and self.opened.manifest.aligner is not None
        writer = Writer(self.opened, pair.use)
        looker = Aligning(self.opened, before=len(writer.prefix)) if measured else None
        return Scribe(writer, options, looker=looker, first=pair.first)

    def _parts(self, i: int, text: str, scribe: Scribe, pair: Pair) -> list[Part]:
        spans, writer = sentences(text), scribe.writer
        tidy = [writer.prefix + self._tidy(text[a:b]) for a, b in spans]
        encoded = self.opened.text.encode_all(tidy, language=pair.mark) if spans else []
        nexts = [a for a, _ in spans[1:]] + [b for _, b in spans[-1:]]
        longest = writer.longest(0, scribe.options)
        out: list[Part] = []
        for place, (each, (_, b), after) in enumerate(zip(encoded, spans, nexts, strict=True)):
            if any(part is not None for part in each.parts):
                out.append(Part(i, place, each.ids, longest, text[b:after], each))
            elif out:                                                # control characters alone are nothing to translate
                out[-1] = replace(out[-1], gap=out[-1].gap + text[b:after])
        for each in encoded:
            if len(each.ids) > writer.most_source:
                raise InputError(
                    f'a sentence has {len(each.ids):,} tokens ("{each.text[:40]}..."); '
                    f"{self.opened.manifest.name} has learnt from at most {writer.most_source}.",
                    "Put full stops or line breaks into it: sentences are translated one by one.",
                )
        return out

    def _results(self, scribe: Scribe, texts: Sequence[str], answers: Sequence[Answer], lead: Pair | None) -> list[Generated]:
        """`lead`: how to ask a model without a measured aligner when it is led through what it wrote; None where that is not wanted."""
        how = None if self.opened.manifest.aligner is None else told(self.opened)
        if how is None and lead is not None and answers:
            answers, how = self._led(scribe, answers, lead)
        return [self._result(scribe, text, each, how) for text, each in zip(texts, by_text(answers, len(texts)), strict=True)]

    def _led(self, scribe: Scribe, answers: Sequence[Answer], pair: Pair) -> tuple[Sequence[Answer], Told]:
        said = [scribe.text(a.part, scribe.writer.said(a.hypotheses[0])) for a in answers]
        sources = [(a.part.source.text if a.part.source else "").removeprefix(scribe.writer.prefix) for a in answers]
        couples = [Couple(s, t, (words(s), words(t))) for s, t in zip(sources, said, strict=True)]
        led = dict(Forcing(self.opened, pair).all(couples, batch=scribe.options.batch))
        how, text = chosen_blind(self.opened, [led[i] for i in range(len(couples))]), self.opened.text
        sights = [Sight(led[i].aligned(how.way), led[i].subwords(text, how.way)) for i in range(len(couples))]
        return [replace(answer, sight=sight) for answer, sight in zip(answers, sights, strict=True)], how

    def _result(self, scribe: Scribe, text: str, answers: Sequence[Answer], how: Told | None) -> Generated:
        pictures = [p for a in answers if (p := self._picture(scribe, a, how)) is not None]
        return scribe.result("translate", text, answers, keys=PIPELINE_KEYS, pictures=pictures)

    def _picture(self, scribe: Scribe, answer: Answer, how: Told | None) -> Picture | None:
        """None for a sentence without words: a picture needs some on both sides."""
        sight = answer.sight
        if sight is None or how is None or not sight.alignment.source or not sight.alignment.target:
            return None
        title = scribe.text(answer.part, scribe.writer.said(answer.hypotheses[0]))
        return how.picture(title, sight.alignment, answer.seconds, sight.subwords)
