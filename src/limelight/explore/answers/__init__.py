"""Answers: one file a kind of question; each is a function of a reading and a query, and gives plain JSON data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..query import Query
from .arith import arith
from .grid import grid
from .lines import column, lines, row
from .rollout import rollout
from .steps import step
from .tile import tile

MAP = frozenset({"name", "head"})


class Kind(NamedTuple):
    """A kind of question: who answers it, and the fields that it may have."""

    answer: Callable[[Query], dict[str, Any]]
    fields: frozenset[str]


ANSWERS: Mapping[str, Kind] = {
    "grid": Kind(grid, frozenset({"name"})),
    "tile": Kind(tile, MAP | {"rows", "columns", "size", "sink", "words"}),
    "row": Kind(row, MAP | {"query", "top", "words"}),
    "column": Kind(column, MAP | {"key", "top", "words"}),
    "lines": Kind(lines, MAP | {"floor", "most", "words", "rows"}),
    "arith": Kind(arith, MAP | {"query", "keys"}),
    "step": Kind(step, frozenset({"i", "lens"})),
    "rollout": Kind(rollout, frozenset({"side", "place"})),
}
