"""Mechanisms of attention by name: each with its equation, shapes and source, and a model that is made with it.

    spec = find("general").build(Sizes(vocab=8000, dim=256))
    cost(spec, 1024).attention

A mechanism is an edit of one of two base models, so that what differs between two of them is the mechanism and nothing else.
"""

from __future__ import annotations

from ...errors import SpecError, did_you_mean
from ..costs import Costs, cost
from .mechanism import Mechanism, Refusal
from .recurrents import RECURRENT
from .sizes import CHOICES, Frame, Sizes
from .transformers import TRANSFORMERS, decoder_alone

__all__ = ["CHOICES", "Costs", "Frame", "Mechanism", "Refusal", "Sizes", "cost", "decoder_alone", "find", "mechanisms"]


def mechanisms() -> dict[str, Mechanism]:
    """Every mechanism by name, the oldest kind first."""
    return {each.name: each for each in (*RECURRENT, *TRANSFORMERS)}


def find(name: str) -> Mechanism:
    """A mechanism by name. Raises SpecError for an unknown one, with the nearest."""
    known = mechanisms()
    if name not in known:
        raise SpecError(f'no mechanism "{name[:60]}".', did_you_mean(name, known))
    return known[name]
