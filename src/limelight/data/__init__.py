"""Data sets: tables in and out, parallel text, splits that do not leak, and batches of a fixed number of tokens."""

from __future__ import annotations

from importlib import import_module
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
    from .text_batches import TextBatches

__all__ = [
    "NORMALISERS",
    "Example",
    "Layout",
    "Output",
    "Pair",
    "Split",
    "Table",
    "TextBatches",
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

_BATCHES = {"TextBatches": "text_batches", "TokenBatches": "batches"}


def __getattr__(name: str) -> Any:
    if name in _BATCHES:            # the only parts that need torch, whose import takes seconds
        return getattr(import_module(f"{__name__}.{_BATCHES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
