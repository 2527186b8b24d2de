"""Data sets: tables in and out, parallel text, splits that do not leak, and batches of a fixed number of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .layout import Layout
from .normalise import NORMALISERS, english, french, tidy
from .output import Output, open_output
from .parallel import Pair, read_pairs
from .rows import Table, cell
from .split import Example, Split, split_by_source
from .tables import read_table

if TYPE_CHECKING:
    from .batches import TokenBatches

__all__ = [
    "NORMALISERS",
    "Example",
    "Layout",
    "Output",
    "Pair",
    "Split",
    "Table",
    "TokenBatches",
    "cell",
    "english",
    "french",
    "open_output",
    "read_pairs",
    "read_table",
    "split_by_source",
    "tidy",
]


def __getattr__(name: str) -> Any:
    if name == "TokenBatches":      # the only part that needs torch, whose import takes seconds
        from .batches import TokenBatches

        return TokenBatches
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
