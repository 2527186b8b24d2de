"""Drafting: what guesses tokens ahead for a model that writes, by its name."""

from __future__ import annotations

from ...decode import Draft, Lookup, Small
from ...devices import dtype_name
from ...errors import TaskError
from ...hub import Opened, open_model
from ...inputs import Text

LOOKUP = "lookup"


def drafter(name: str, opened: Opened) -> Draft:
    """"lookup", or the name or folder of a model, opened where the other is, in its number format and with its kind of products.

    Raises what opening raises, and TaskError for a model that spells with other pieces.
    """
    if name == LOOKUP:
        return Lookup()
    small = open_model(name, device=str(opened.device), dtype=dtype_name(opened.dtype), quant=opened.quant or "none")
    if (at := _differs(opened.text, small.text)) is not None:
        mine, its = (f'"{text.piece(at)}"' if at < len(text) else "none" for text in (small.text, opened.text))
        told = f'"{small.manifest.name}" cannot draft for "{opened.manifest.name}": its piece {at} is {mine}, wanted {its}.'
        raise TaskError(told, f'Draft with a model that has the same tokenizer, or with "{LOOKUP}".')
    return Small(small.model)


def _differs(text: Text, other: Text) -> int | None:
    """The first token that two vocabularies spell differently; None where there is none."""
    if len(text) != len(other):
        return min(len(text), len(other))
    ids = range(len(text))
    return next((at for at, (a, b) in enumerate(zip(text.pieces(ids), other.pieces(ids), strict=True)) if a != b), None)
