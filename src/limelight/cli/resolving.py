"""What `limelight resolve` does, once its options are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..data.rows import Row
from ..tasks.asking import with_changes
from ..tasks.bulk import one_line
from ..tasks.resolve.pronouns import Pronoun
from ..tasks.resolve.resolved import Resolved
from ..tasks.resolve.task import Resolve
from .given import Asked, Given, Shown, answer
from .options import Opening


@dataclass(frozen=True)
class Asking:
    """The candidates and the pronoun as they were given on the line: those of every text whose row has none of its own."""

    candidates: tuple[str, ...]
    pronoun: str | None

    def text(self, text: str) -> Pronoun:
        """A text's pronoun."""
        return Pronoun(text, self.candidates, _word_or_offset(self.pronoun))

    def row(self, row: Row, text: str) -> Pronoun:
        """A row's pronoun. What is missing in it is refused where the row's number is known."""
        found, word = row.get("candidates"), row.get("pronoun")
        return Pronoun(text, _listed(found) or self.candidates, _word_or_offset(self.pronoun if word in (None, "") else word))


def run(given: Given, asking: Asking, changes: Mapping[str, Any], at: Opening) -> None:
    """Do it."""
    resolve: Resolve = at.task("resolve")
    options = with_changes("resolve", None, resolve.Options, changes)
    made_with = {"candidates": list(asking.candidates), "pronoun": asking.pronoun}
    how = {"item": asking.text, "row": asking.row, "made_with": made_with}
    asked = Asked(resolve, resolve.opened, options, name="answer", doing="resolving", **how)
    answer(asked, given, Shown(given, person=_shown))


def _shown(result: Resolved, number: int | None) -> str:
    """A result in full, or, of several, the answer with its share."""
    if number is None:
        return str(result)
    agreement = "-" if result.agreement is None else f"{result.agreement:.2f}"
    return f"{result.candidates[0].share:.3f}\t{one_line(result.answer)}\tagreement {agreement}"


def _listed(cell: object) -> tuple[str, ...]:
    """A cell as candidates: a list, a list in JSON, or texts with | between."""
    if isinstance(cell, list | tuple):
        return tuple(str(each) for each in cell)
    if not isinstance(cell, str):
        return ()
    try:
        found = json.loads(cell) if cell.startswith("[") else cell
    except (ValueError, RecursionError):
        found = cell
    return tuple(map(str, found)) if isinstance(found, list) else tuple(part.strip() for part in cell.split("|") if part.strip())


def _word_or_offset(told: object) -> str | int | None:
    if told is None or (isinstance(told, int) and not isinstance(told, bool)):
        return told
    return int(str(told)) if str(told).isdecimal() else str(told)
