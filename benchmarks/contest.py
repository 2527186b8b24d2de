"""A contest: contestants in turns on the same work, with ratios of ours to the best of the others, and the share of the limit."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from limelight.measure import Samples, Turn, alternate, ratios, rounded

from .contestants import LIMELIGHT, Field

REST = 0.3      # seconds: other runtimes' threads spin for up to 0.2 s after their work
FEW = 3         # rounds: with fewer nothing is compared, and nobody has to rest


def contest(field: Field[Any], turns: Mapping[str, Turn], *, rounds: int, unit: str, least: Callable[[str], float]) -> dict[str, Any]:
    """The JSON of one case. `least`: a precision -> the seconds in which the limits let a turn's work be done."""
    samples = alternate(turns, rounds=rounds, rest=REST if rounds >= FEW else 0.0)
    return {
        "results": {name: _result(each, field.precision[name], unit, least) for name, each in samples.items()},
        "limelight_by": against(samples, field.precision),
        "left_out": dict(field.left_out),
    }


def against(samples: Mapping[str, Samples], precision: Mapping[str, str]) -> dict[str, Any]:
    """Each of ours by the fastest other of its precision, and the fastest of ours by the fastest of the others."""
    ours = [name for name in samples if name.startswith(LIMELIGHT)]
    others = [name for name in samples if name not in ours]
    found = {}
    for name in ours:
        rivals = [each for each in others if precision[each] == precision[name]]
        if rivals:
            found |= _by(samples, name, _fastest(samples, rivals))
    return found | (_by(samples, _fastest(samples, ours), _fastest(samples, others)) if ours and others else {})


def _by(samples: Mapping[str, Samples], ours: str, other: str) -> dict[str, Any]:
    return {f"{ours} / {other}": ratios(samples[ours], samples[other])}


def _fastest(samples: Mapping[str, Samples], names: list[str]) -> str:
    return max(names, key=lambda name: statistics.median(samples[name].rates))


def _result(each: Samples, precision: str, unit: str, least: Callable[[str], float]) -> dict[str, Any]:
    share = least(precision) / statistics.median(each.seconds)
    return {**each.plain(unit), "precision": precision, "share_of_limit": rounded(share)}
