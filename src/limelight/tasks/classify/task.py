"""classify: a text or a picture -> the class that it is of, with every label's score, and the words that decided where that is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal, overload

import torch
from pydantic import Field

from ...errors import InputError, RecipeError
from ...hub import Opened
from ...inputs.pictures import is_picture
from ...look.evidence import Case, method
from ...look.why import Why
from ...values import value
from ..asking import numbered, with_changes
from ..fitness import check_fit
from ..reading.rows import read
from ..reading.shown import Shown
from ..reading.windows import Window, room_of
from ..result import Columns, Cost
from .classified import Classified, Part, Scored, ranked
from .deciding import Found, cases_of, explain
from .judging import BLANK, Judge, Room, Sheet, class_logits, entailed, own_labels, sheet
from .odds import by_window, scores
from .seen import PHOTO, Seen

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Item = str | tuple[str, str] | Mapping[str, str]
EXAMPLE = "This example is {}."          # what a label is put into, of texts (Yin et al. 2019)
SHARED = 8                               # windows share an eighth of what the model reads at once


@value
class ClassifyOptions:
    """How to classify. `top_k`: labels given back, best first; None for all. `several`: labels are independent, each with a probability of
    its own; None for what the model's folder says.

    `labels`: candidates of your own, told apart by a model of entailment, which reads `template` with each of them, or, of pictures, by one
    that compares them with texts (CLIP); None for "This example is {}." or "a photo of a {}." `why`: tell which
    words decided, by the most faithful way that was measured with the model, or by one that is named (look.evidence.METHODS). `long`: a
    text longer than the model reads at once goes in windows that share `overlap` tokens, and its score is their mean by tokens; or it is
    refused. `batch`: rows at once.
    """

    top_k: Count | None = None
    several: bool | None = None
    labels: tuple[str, ...] = ()
    template: str | None = None
    why: bool | str = False
    long: Literal["windows", "refuse"] = "windows"
    overlap: Natural | None = None
    batch: Count = 32

    def __post_init__(self) -> None:
        if self.template is not None and BLANK not in self.template:
            raise RecipeError(f'a template has "{BLANK}" where a label goes: got {self.template!r:.60}.', 'For instance "It is about {}."')
        if any(not label.strip() for label in self.labels):
            raise RecipeError("a label is blank.", 'Give words, for instance labels=("urgent", "not urgent").')
        if len(set(self.labels)) < len(self.labels):
            raise RecipeError(f"two labels are the same: {', '.join(self.labels)[:80]}.", "Give each once.")
        if isinstance(self.why, str):
            method(self.why)


class Classify:
    """The classification task over one model; call it with a text, a pair of texts, or a list of them; one that reads pictures, with a
    picture's file, its bytes, or what Pillow has opened.

        classify = limelight.task("classify", "distilbert-base-uncased-finetuned-sst-2-english")
        result = classify("The camera is amazing, but the battery drains too fast.", why=True)
        result.label, result.score, result.why.strongest[0].text
    """

    Options = ClassifyOptions

    def __init__(self, opened: Opened):
        check_fit(opened, "classify")
        self.opened = opened
        self.seen = Seen(opened) if opened.manifest.pictures is not None else None

    @overload
    def __call__(self, text: Item | Shown, options: ClassifyOptions | None = None, **changes: Any) -> Classified: ...
    @overload
    def __call__(self, text: list[Any], options: ClassifyOptions | None = None, **changes: Any) -> list[Classified]: ...
    def __call__(self, text: object, options: ClassifyOptions | None = None, **changes: Any) -> Classified | list[Classified]:
        """A text -> a result; a list -> a list, in order. A pair is a tuple of two, or {"text": ..., "text_pair": ...}.

        Options as a value, or by name: `top_k=3, why=True`. A text with nothing to read gets no label. Raises InputError for what is no
        text, TaskError for labels that the model cannot judge and for scores that are no numbers, RecipeError for an option that is
        unknown or out of range.
        """
        options = with_changes("classify", options, ClassifyOptions, changes)
        items = text if isinstance(text, list) else [text]
        if self.seen is not None:
            pictures = self._seen(self.seen, items, options)
            return pictures if isinstance(text, list) else pictures[0]
        judge, room = self._judge(options), self._room(options)
        sheets = [numbered(i, items, lambda item=item: self._sheet(item, judge, room)) for i, item in enumerate(items)]
        found = self._read(sheets, options.batch)
        whys: list[Why | None] = [None] * len(sheets)
        if options.why:
            named = options.why if isinstance(options.why, str) else None
            whys = explain(self.opened, judge, cases_of(judge, sheets, found), named, batch=options.batch)
        results = [self._result(judge, options, *each) for each in zip(sheets, found, whys, strict=True)]
        return results if isinstance(text, list) else results[0]

    def cases(self, items: Sequence[Item], batch: int, *, label: str | None = None) -> list[Case | None]:
        """Texts or pairs as cases of look.evidence, each of its best label or of one; None for one with nothing to read. Raises what a call
        raises, and InputError for a label that the model does not know."""
        options = ClassifyOptions()
        judge, room = self._judge(options), self._room(options)
        sheets = [self._sheet(item, judge, room) for item in items]
        return cases_of(judge, sheets, self._read(sheets, batch), label)

    def columns(self, options: ClassifyOptions) -> Columns:
        """What a table gets."""
        return {"": list[str], "score": list[float]} if _listed(options) else {"": str, "score": float}

    def check(self, item: Item, options: ClassifyOptions | None = None) -> None:
        """Raises InputError, as a call would, for what cannot be classified; nothing is computed but its tokens."""
        options = options or ClassifyOptions()
        if self.seen is not None:
            self.seen.check(item)
            return
        self._sheet(item, self._judge(options), self._room(options))

    # --- one step each ------------------------------------------------------------------------------------------------
    def _seen(self, seen: Seen, items: Sequence[object], options: ClassifyOptions) -> list[Classified]:
        if options.why:
            raise RecipeError("which words decided is asked of texts; these are pictures.", "Leave why out.")
        judge = seen.judge(options.labels, options.template or PHOTO, options.several)
        return [
            Classified(
                task="classify",
                model=self.opened.manifest.name,
                precision=self.opened.precision,
                source=each.name,
                cost=Cost(each.seconds, seen.places),
                labels=ranked(judge.labels, by_window(each.values[None], judge.kind)[0].tolist())[: options.top_k],
                listed=_listed(options),
                zero_shot=bool(judge.hypotheses),
            )
            for each in seen.read(items, judge, options.batch)
        ]

    def _judge(self, options: ClassifyOptions) -> Judge:
        if options.labels:
            return entailed(self.opened, options.labels, options.template or EXAMPLE, options.several)
        return own_labels(self.opened, options.several)

    def _room(self, options: ClassifyOptions) -> Room:
        most = room_of(self.opened)
        return Room(most, most // SHARED if options.overlap is None else options.overlap, options.long == "refuse")

    def _sheet(self, item: object, judge: Judge, room: Room) -> Sheet:
        return sheet(self.opened, judge, *as_pair(item), room)

    def _read(self, sheets: Sequence[Sheet], batch: int) -> list[Found]:
        rows = [row for each in sheets for row in each.encoded]
        out = iter(read(self.opened, rows, partial(class_logits, self.opened), batch=batch))
        found = []
        for each in sheets:
            mine = [next(out) for _ in each.encoded]
            logits = torch.stack([one.values for one in mine]).unflatten(0, (len(each.rows), -1)) if mine else None
            found.append(Found(logits, sum((one.seconds for one in mine), 0.0)))
        return found

    def _result(self, judge: Judge, options: ClassifyOptions, sheet: Sheet, found: Found, why: Why | None) -> Classified:
        labels, parts = _scored(judge, sheet, found)
        seconds = found.seconds + (0.0 if why is None else why.seconds)
        return Classified(
            task="classify",
            model=self.opened.manifest.name,
            precision=self.opened.precision,
            source=sheet.text,
            other=sheet.other,
            cost=Cost(seconds, sum(len(row.ids) for row in sheet.encoded)),
            labels=labels[: options.top_k],
            parts=parts,
            why=why,
            listed=_listed(options),
            zero_shot=bool(judge.hypotheses),
        )


def as_pair(item: object) -> tuple[str, str | None]:
    """A text, or a pair of them, as a text and perhaps another. Raises InputError for what is neither."""
    match item:
        case str():
            return item, None
        case (str(text), str(other)):
            return text, other
        case _ if is_picture(item) and not isinstance(item, str):
            raise InputError(f"the model reads texts, and this is a picture: got {type(item).__name__}.", "Use one that reads pictures.")
        case {"text": str(text), **rest} if rest.keys() <= {"text_pair"} and isinstance(other := rest.get("text_pair"), str | None):
            return text, other
    got = f"{type(item).__name__} {item!r:.40}"
    raise InputError(f"a text or a pair is wanted: got {got}.", 'A pair is ("One.", "Two.") or {"text": ..., "text_pair": ...}.')


def _listed(options: ClassifyOptions) -> bool:
    """Whether a table's cells hold several labels: where several were asked for by number."""
    return options.top_k is not None and options.top_k > 1


def _scored(judge: Judge, sheet: Sheet, found: Found) -> tuple[tuple[Scored, ...], tuple[Part, ...]]:
    """The labels of a text, best first, and those of its windows."""
    if found.logits is None:
        return (), ()
    logits = judge.logits(found.logits)
    each = by_window(logits, judge.kind).tolist()
    parts = tuple(
        Part(_span(window), window.count, ranked(judge.labels, row)) for window, row in zip(sheet.rows[0], each, strict=True)
    )
    return ranked(judge.labels, scores(logits, sheet.shares, judge.kind)), parts


def _span(window: Window) -> tuple[int, int]:
    """The characters that a window goes through."""
    offsets = window.encoded.offsets[window.before : window.before + window.count]
    return offsets[0][0], offsets[-1][1]

