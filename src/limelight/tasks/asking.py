"""How a task is asked: texts, options as a value or by name, and rows of like length together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import InputError, RecipeError, SpecError, did_you_mean

Options = TypeVar("Options")
T = TypeVar("T")
MOST_TOKENS = 1 << 14                    # a batch has at most so many tokens, padding counted


def with_changes(task: str, options: Options | None, default: type[Options], changes: Mapping[str, Any]) -> Options:
    """Options, with some changed by name. Raises RecipeError for one that is unknown or out of range."""
    known = getattr(default, "__dataclass_fields__", {})
    if unknown := sorted(changes.keys() - known.keys()):
        raise RecipeError(f'{task} has no option "{unknown[0]}".', did_you_mean(unknown[0], known))
    try:
        return replace(options if options is not None else default(), **changes)  # pyright: ignore[reportCallIssue, reportArgumentType]
    except SpecError as error:
        raise RecipeError(error.message, error.hint) from None


def as_texts(given: object) -> Sequence[str]:
    """What was given, as texts. Raises InputError that names the place of what is none."""
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list | tuple):
        raise InputError(f"a text or a list of texts is wanted: got {type(given).__name__}.", 'For instance ["One.", "Two."].')
    for number, text in enumerate(given, 1):
        if not isinstance(text, str):
            raise InputError(f"text {number} of {len(given)} is no text: got {type(text).__name__} {text!r:.40}.", "Give text only.")
    return given


def numbered(i: int, texts: Sequence[object], work: Callable[[], T], *, what: str = "text") -> T:
    """`work` on one of several texts, or of `what` they are; its InputError then says which."""
    try:
        return work()
    except InputError as error:
        if len(texts) == 1:
            raise
        raise InputError(f"{what} {i + 1} of {len(texts)}: {error.message}", error.hint) from None


def in_batches(lengths: Sequence[int], size: int, *, most: int = MOST_TOKENS) -> Iterator[list[int]]:
    """Places of rows, those of like length together, at most `size` at a time and `most` tokens with their padding; a row that is
    longer goes alone."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == size or (len(batch) + 1) * lengths[place] > most):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
