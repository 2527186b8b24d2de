"""What `limelight sense` does, once its options are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InputError
from ..tasks.asking import with_changes
from ..tasks.bulk import open_texts
from ..tasks.sense.task import Sense, Use
from .given import Given, as_json
from .options import Opening
from .streams import say


def run(given: Given, word: str | None, changes: Mapping[str, Any], at: Opening) -> None:
    """Do it. All texts are one question, and there is one answer."""
    sense: Sense = at.task("sense")
    options = with_changes("sense", None, sense.Options, changes)
    uses = list(_uses(given, word, options.occurrence))
    result = sense(uses, options)
    say(as_json(result) if given.as_json else str(result))


def _uses(given: Given, word: str | None, occurrence: int) -> Iterator[Use]:
    """The word in each text, or as each row of a table says. Raises InputError where nobody says which word."""
    if given.table.file is None:
        rows: Iterator[tuple[dict[str, Any], str]] = (({}, text) for text in given.each())
    else:
        texts = open_texts(given.table.file, column=given.table.column, format=given.table.format)
        rows = texts.keyed(texts.table.rows)
    for number, (row, text) in enumerate(rows, 1):
        found = str(row.get("word") or word or "")
        if not found.strip():
            raise InputError(f"text {number} comes without a word to look for.", "Say --word WORD, or give the table a column word.")
        label = row.get("label")
        yield Use(text, found, occurrence, "" if label is None else str(label))
