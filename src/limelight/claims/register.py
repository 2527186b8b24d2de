"""The claims that are there, by name; a new one is a file with a CLAIM, and its name here."""

from __future__ import annotations

from importlib import import_module

from ..errors import TaskError, did_you_mean
from .claim import Claim

NAMES = ("bottleneck", "distance", "drawn", "heads", "mask", "mechanisms", "order", "parallel", "quadratic", "scaling", "small")
ALL = "all"


def claims() -> dict[str, Claim]:
    """Every claim by name, in the order of their numbers."""
    found: list[Claim] = [import_module(f"{__package__}.{name}").CLAIM for name in NAMES]
    return {each.name: each for each in sorted(found, key=lambda claim: claim.number)}


def find(*names: str) -> list[Claim]:
    """Claims by name, each once; "all" is every one. Raises TaskError for an unknown name."""
    known = claims()
    if unknown := next((name for name in names if name not in known and name != ALL), None):
        raise TaskError(f'no claim "{unknown}".', did_you_mean(unknown, [*known, ALL]))
    return [claim for name, claim in known.items() if name in names or ALL in names]
