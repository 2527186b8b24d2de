"""Sentences beside their translations, out of a table."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, did_you_mean
from .normalise import NORMALISERS
from .rows import cell
from .tables import read_table

log = logging.getLogger(__name__)


class Pair(NamedTuple):
    """A sentence and one translation of it."""

    source: str
    target: str


def read_pairs(
    path: Path | str,
    *,
    source_column: str | int = 0,
    target_column: str | int = 1,
    languages: tuple[str, str] = ("none", "none"),
    format: str | None = None,
    header: bool | None = None,
) -> list[Pair]:
    """All pairs of a table in its order, each side normalised for its language (see NORMALISERS).

    Columns are given by name, or by number from 0; `header`: whether the first line names the columns, by default if one is given by name.
    Pairs with an empty side are left out, and a warning is logged with their number.
    Raises InputError for a table that cannot be read, a missing column, an unknown language, or where no pair is left.
    """
    clean_source, clean_target = (_normaliser(language) for language in languages)
    named = isinstance(source_column, str) or isinstance(target_column, str)
    table = read_table(path, format=format, header=named if header is None else header)
    source, target = table.column(source_column), table.column(target_column)
    pairs, empty = [], 0
    for number, row in enumerate(table.rows, 1):
        pair = Pair(
            clean_source(cell(row, source, where=table.where, number=number)),
            clean_target(cell(row, target, where=table.where, number=number)),
        )
        if all(pair):
            pairs.append(pair)
        else:
            empty += 1
    if empty:
        log.warning("%s: %d pairs with an empty side are left out", path, empty)
    if not pairs:
        raise InputError(f"{path} has no pair of sentences.", "Are these the right columns?")
    return pairs


def _normaliser(language: str) -> Callable[[str], str]:
    if language not in NORMALISERS:
        raise InputError(f'no rules for the language "{language}".', did_you_mean(language, NORMALISERS))
    return NORMALISERS[language]
