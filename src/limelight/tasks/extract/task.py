"""extract: a text -> the names, terms and other spans in it that a model has labels for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, overload

from pydantic import Field

from ...hub import Opened
from ...inputs import Encoded
from ...inputs.words import trimmed
from ...spec import Labels
from ...values import value
from ..answer.task import HEAD as SPAN
from ..asking import as_texts, numbered, with_changes
from ..fitness import check_fit
from ..reading.stitching import Cutting, Stitched, read_long
from ..reading.windows import Window
from ..reading.wording import goes_on, in_words
from ..result import Columns, Cost
from .extracted import Entity, EntityCell, Extracted, TokenCell
from .tagging import Merge, Piece, merged, pieces, tags

USUAL = 1024


@value
class ExtractOptions:
    """What to extract. `merge`: "none" gives every token that has a label; the others make spans of neighbours. "simple" takes tokens
    as they are (those that spell one letter are one); "first", "average" and "max" first give all tokens of a word one label: that of its
    first token, the best by the mean of their probabilities, or that of its surest token. By default "first" where the tokenizer's pieces
    say which go on with a word (WordPiece's ##), so that no word is torn, and "simple" elsewhere: there words are known only by white
    space, and a comma would be taken for a part of the name before it.

    `ignore`: labels that are not given back; `min_score`: nor is what is less likely.
    `window`: tokens read at once, by default what the model has room for and at most 1,024; `overlap`: tokens that neighbours share, by
    default 128 or half a window; `batch`: windows read together.
    """

    merge: Merge | None = None
    ignore: tuple[str, ...] = ("O",)
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.0
    window: Annotated[int, Field(ge=1)] | None = None
    overlap: Annotated[int, Field(ge=0)] | None = None
    batch: Annotated[int, Field(ge=1)] = 32


class Extract:
    """The task of finding spans in a text, over one model; call it with a text or several.

        extract = limelight.task("extract", "./biobert-diseases")
        for entity in extract("No sign of pneumonia.").entities: entity.label, entity.text, entity.start, entity.end

    Spans, labels and scores are those of the token-classification pipeline of transformers, with what it leaves open settled: the text
    of a span is its own characters, without the white space at its ends; labels may end spans, too (BIOES, BILOU); every white space
    parts words, not the blank alone; and no letter is torn. A text too long to be read at once is read in windows that overlap: each
    token has the label of the window in which it has most around it, and spans are made after that, so that one across a border is
    whole. Places are characters of the whole text.
    """

    Options = ExtractOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "extract")
        self.opened = opened
        self._head = next(head for head in opened.manifest.spec.heads if isinstance(head, Labels) and head.name != SPAN)
        self._tags = tags(self._head.labels)

    @overload
    def __call__(self, text: str, options: ExtractOptions | None = None, **changes: Any) -> Extracted: ...
    @overload
    def __call__(self, text: list[str] | tuple[str, ...], options: ExtractOptions | None = None, **changes: Any) -> list[Extracted]: ...
    def __call__(self, text: object, options: ExtractOptions | None = None, **changes: Any) -> Extracted | list[Extracted]:
        """A text -> a result; several -> a list, in order. Options as a value, or by name: `merge="max", min_score=0.5`.

        Raises InputError for what is no text, or for a window that holds no more than the overlap, with the numbers; RecipeError for an
        unknown option.
        """
        options, texts = with_changes("extract", options, ExtractOptions, changes), as_texts(text)
        cut = self._cut(texts, options)
        read = [n for n, (_, windows) in enumerate(cut) if windows]
        long = read_long(self.opened, [cut[n][1] for n in read], self._head.name, batch=options.batch)
        found = dict(zip(read, long, strict=True))
        results = [self._result(each, cut[n][0], found.get(n), options) for n, each in enumerate(texts)]
        return results[0] if isinstance(text, str) else results

    def columns(self, options: ExtractOptions) -> Columns:
        """What a table gets."""
        return {"": list[TokenCell] if self._merge(options) == "none" else list[EntityCell]}

    def check(self, text: str, options: ExtractOptions | None = None) -> None:
        """Raises InputError, as a call would, for a text that cannot be read; nothing is computed but its tokens."""
        self._cut([text], options or ExtractOptions())

    # --- from texts to windows and back -------------------------------------------------------------------------------
    def _merge(self, options: ExtractOptions) -> Merge:
        return options.merge or ("first" if self._told else "simple")

    @property
    def _told(self) -> bool:
        return bool(self.opened.text.engine.continuing)

    def _cut(self, texts: Sequence[str], options: ExtractOptions) -> list[tuple[Encoded, list[Window]]]:
        cutting = Cutting(window=options.window, overlap=options.overlap, usual=USUAL)
        whole = self.opened.text.encode_all(texts)
        return [
            (each, numbered(n, texts, lambda each=each: cutting.windows(self.opened, each)) if 0 in each.parts else [])
            for n, each in enumerate(whole)
        ]

    def _result(self, text: str, whole: Encoded, found: Stitched | None, options: ExtractOptions) -> Extracted:
        entities = self._entities(text, whole, found, options) if found else []
        return Extracted(
            task="extract",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=text,
            cost=Cost(found.seconds if found else 0.0, found.ids if found else len(whole.ids)),
            entities=tuple(entities),
            windows=found.windows if found else 1,
        )

    def _entities(self, text: str, whole: Encoded, found: Stitched, options: ExtractOptions) -> list[Entity]:
        merge, before = self._merge(options), whole.parts.index(0)
        odds = found.values.softmax(1)
        labelled = pieces(odds, self._words(whole, merge), merge)
        spans = labelled if merge == "none" else merged(labelled, self._tags)
        out = (self._entity(text, whole, piece, before, plain=merge == "none") for piece in spans)
        return [each for each in out if each.text and each.label not in options.ignore and each.score >= options.min_score]

    def _words(self, whole: Encoded, merge: Merge) -> list[list[int]]:
        """The places of tokens that have one label."""
        if merge == "none":
            return [[i] for i in range(sum(of == 0 for of in whole.parts))]
        return in_words(goes_on(whole, 0, "letters" if merge == "simple" else "told" if self._told else "spaces"))

    def _entity(self, text: str, whole: Encoded, piece: Piece, before: int, *, plain: bool) -> Entity:
        a, b = trimmed(text, whole.offsets[before + piece.first][0], whole.offsets[before + piece.last][1])
        label = self._head.labels[piece.label] if plain else self._tags[piece.label].name
        return Entity(label, text[a:b], piece.score, a, b, before + piece.first if plain else None)
