"""Explaining: an open model, a text and what it answered -> why, by one of the ways of look.evidence."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InputError, TaskError
from ...hub import Opened
from ...inputs import Encoded
from ...look.evidence import Case, able
from ...look.why import Why
from ...spec import Classes, Words
from ..classify.deciding import class_reading
from ..classify.task import Classify
from ..reading.telling import ranked, tell
from .masked import masked, masked_reading
from .written import written, written_reading

Answer = str | int | Sequence[int] | None


def methods(opened: Opened) -> tuple[str, ...]:
    """The ways that this model can be asked with, the best measured first; none for one that gives no number for a text."""
    match _kind(opened):
        case "class":
            reading = class_reading(opened, 1)
        case "mask":
            reading = masked_reading(opened, 0, 0, 1)
        case "answer":
            reading = written_reading(opened, (0,), 1)
        case _:
            return ()
    return tuple(name for name in ranked(reading, opened.manifest.evidence) if name in able(reading))


def explain(
    opened: Opened,
    text: str | Encoded,
    *,
    method: str | None = None,
    other: str | None = None,
    answer: Answer = None,
    curve: bool = False,
    batch: int = 32,
) -> Why:
    """Why a model answers as it does. `text`: what it was given, or its tokens; `other`: the second text of a pair, for classes alone.

    `answer`: what is explained. Of a classifier, a label, by default the best; of a model of masked words, a word or a token for the one
    mask, by default its best guess; of a model that writes, the tokens that it wrote. `method`: by default the best that was measured;
    `curve`: also what becomes of the score as words go, those of the largest effect first; `batch`: rows at once.

    Raises InputError for a text with nothing to read and for an answer that does not fit, RecipeError for an unknown method, TaskError for
    a model that gives no number for a text.
    """
    kind = _kind(opened)
    if kind != "class" and other is not None:
        raise InputError("a second text is for models that tell classes of pairs apart: got one.", "Leave other out.")
    match kind:
        case "class":
            reading, case = class_reading(opened, batch), _classified(opened, text, other, _text(answer))
        case "mask":
            reading, case = masked(opened, text, _word(answer), batch)
        case "answer":
            reading, case = written(opened, text, _tokens(answer), batch)
        case _:
            heads = "nothing that gives one number for a text"
            raise TaskError(f'"{opened.manifest.name}" has {heads}.', "Use one that tells classes apart, guesses words or writes.")
    return tell(reading, [case], method, evidence=opened.manifest.evidence, curve=curve)[0]


def _kind(opened: Opened) -> str | None:
    spec = opened.manifest.spec
    for head in spec.heads:
        match head:
            case Classes():
                return "class"
            case Words() if spec.decoder is not None:
                return "answer"
            case Words() if opened.text.marks.mask is not None:
                return "mask"
    return None


def _classified(opened: Opened, text: str | Encoded, other: str | None, label: str | None) -> Case:
    """Of a classifier: read as the task reads."""
    source, beside = (text.text, text.other or None) if isinstance(text, Encoded) else (text, other)
    found = Classify(opened).cases([source if beside is None else (source, beside)], 1, label=label)[0]
    if found is None or not found.words:
        raise InputError(f"there is no word in the text: {source[:40]!r}.", "Give a text with words.")
    return found


def _text(answer: Answer) -> str | None:
    if answer is None or isinstance(answer, str):
        return answer
    raise InputError(f"a classifier's answer is the name of a label: got {answer!r:.40}.", "Leave it out for the best label.")


def _word(answer: Answer) -> str | int | None:
    if answer is None or isinstance(answer, str | int):
        return answer
    raise InputError(f"what stands for a mask is a word or one token: got {answer!r:.40}.", "Leave it out for the best guess.")


def _tokens(answer: Answer) -> tuple[int, ...]:
    if answer is None or isinstance(answer, str | int) or not answer:
        raise InputError(f"the tokens that were written are wanted as answer: got {answer!r:.40}.", "Give at least one id.")
    return tuple(answer)
