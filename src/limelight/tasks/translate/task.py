"""translate: text in one language -> text in another, with every word's attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, overload

from ...data.normalise import NORMALISERS
from ...errors import InputError
from ...hub import Opened
from ...inputs import sentences
from ...look.picture import Picture
from ...values import value
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit
from ..result import Columns
from ..writing.generated import Generated
from ..writing.scribe import Answer, Part, Scribe, by_text
from ..writing.writer import Writer, Writing
from .alignments import Aligning, picture
from .languages import Pair, choose

PIPELINE_KEYS = {"text": "translation_text"}


@value
class TranslateOptions(Writing):
    """How to translate: see Writing. `align`: whether to align words, where the model has a measured aligner.

    `source_language` and `target_language`: for a model of several; the names are the model's own ("en", "fra_Latn").
    """

    align: bool = True
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
        answers = by_text(scribe.all(parts), len(texts))
        results = [self._result(scribe, text, each) for text, each in zip(texts, answers, strict=True)]
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
        return scribe.streamed(self._parts(0, whole, scribe, pair), lambda answers: self._result(scribe, whole, answers))

    # --- from texts to sentences and back -------------------------------------------------------------------------
    def _pair(self, options: TranslateOptions) -> Pair:
        return choose(self.opened, options.source_language, options.target_language)

    def _scribe(self, options: TranslateOptions, pair: Pair) -> Scribe:
        looker = Aligning(self.opened) if options.align and self.opened.manifest.aligner is not None else None
        return Scribe(Writer(self.opened, pair.use), options, looker=looker, first=pair.first)

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

    def _result(self, scribe: Scribe, text: str, answers: Sequence[Answer]) -> Generated:
        pictures = [p for a in answers if (p := self._picture(scribe, a)) is not None]
        return scribe.result("translate", text, answers, keys=PIPELINE_KEYS, pictures=pictures)

    def _picture(self, scribe: Scribe, answer: Answer) -> Picture | None:
        """None for a sentence without words: a picture needs some on both sides."""
        sight = answer.sight
        if sight is None or not sight.alignment.source or not sight.alignment.target:
            return None
        title = scribe.text(answer.part, scribe.writer.said(answer.hypotheses[0]))
        return picture(title, sight.alignment, self.opened.manifest, answer.seconds, sight.subwords)
