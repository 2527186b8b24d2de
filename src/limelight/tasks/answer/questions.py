"""Questions, each about a text, in all the ways that they are asked."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError

WAYS = 'Give Question("Who?", "A text."), ("Who?", "A text.") or {"question": "Who?", "context": "A text."}.'


@dataclass(frozen=True)
class Question:
    """A question, and the text that holds its answer."""

    question: str
    context: str


def as_questions(given: object, question: object = None, context: object = None) -> tuple[list[Question], bool]:
    """What was given, as questions, and whether it was several: one, a list, or `question` and `context` by name, of which either
    may be a list. Raises InputError that names the place of what is none."""
    if given is None:
        return _by_name(question, context)
    if question is not None or context is not None:
        raise InputError("a question was given by name and without.", WAYS)
    if isinstance(given, list):
        return [_one(each, f"item {n} of {len(given)}") for n, each in enumerate(given, 1)], True
    return [_one(given, "it")], False


def _by_name(question: object, context: object) -> tuple[list[Question], bool]:
    asked, texts = (each if isinstance(each, list) else [each] for each in (question, context))
    if len(asked) > 1 and len(texts) > 1 and len(asked) != len(texts):
        raise InputError(f"{len(asked)} questions and {len(texts)} texts do not go together.", "Give as many, or one of either.")
    count = max(len(asked), len(texts)) if asked and texts else 0
    pairs = zip(asked * count if len(asked) == 1 else asked, texts * count if len(texts) == 1 else texts, strict=False)
    found = [_one(pair, f"number {n}") for n, pair in enumerate(pairs, 1)]
    return found, isinstance(question, list) or isinstance(context, list)


def _one(given: object, called: str) -> Question:
    match given:
        case Question():
            asked, text = given.question, given.context
        case (asked, text) if isinstance(given, tuple):
            pass
        case {"question": asked, "context": text, **more} if not more:
            pass
        case _:
            raise InputError(f"a question and its text are wanted: {called} is {type(given).__name__} {given!r:.60}.", WAYS)
    if not isinstance(asked, str) or not isinstance(text, str):
        name, wrong = ("context", text) if isinstance(asked, str) else ("question", asked)
        raise InputError(f"the {name} is no text: {called} has {type(wrong).__name__} {wrong!r:.40}.", WAYS)
    if not asked.strip():
        raise InputError(f"the question is empty: {called} asks nothing.", WAYS)
    return Question(asked, text)
