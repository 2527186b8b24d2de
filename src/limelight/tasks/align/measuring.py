"""How far an alignment is right: error rate, precision and recall on gold pairs, with how sure those are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import TaskError
from ...hub import Opened
from ...look.align import Match, match, total
from ...manifest import Aligner
from ...measure.intervals import Estimate, over_items
from ..reading.written import written
from ..translate.forcing import Couple, Forcing
from ..translate.languages import Asked
from ..translate.ways import Way, way_of
from .gold import Gold


def couples(gold: Sequence[Gold], languages: tuple[str, str]) -> list[Couple]:
    """Gold pairs as a model is given them."""
    out = []
    for pair in gold:
        (source, from_words), (target, to_words) = written(pair.source, languages[0]), written(pair.target, languages[1])
        out.append(Couple(source, target, (from_words, to_words)))
    return out


def names_of(opened: Opened, asked: Asked | None) -> tuple[str, str]:
    """The languages, as `written` wants to know them."""
    m = opened.manifest
    return (m.source_language or "", m.target_language or "") if asked is None else asked.names


def measured(way: Way, matches: Sequence[Match], measured_on: str) -> Aligner:
    """A way with what was found of it on some sentences."""
    whole, sure = total(matches), error_of(matches)
    return Aligner(
        **way._asdict(),
        aer=round(whole.error, 4),
        low=round(sure.low or 0.0, 4),
        high=round(sure.high or 0.0, 4),
        precision=round(whole.precision, 4),
        recall=round(whole.recall, 4),
        pairs=len(matches),
        measured_on=measured_on,
    )


def matched(opened: Opened, gold: Sequence[Gold], way: Way, asked: Asked | None = None) -> list[Match]:
    """How links found in one way agree with the gold, sentence by sentence."""
    found = Forcing(opened, asked and asked.pair, layers=way.attention).all(couples(gold, names_of(opened, asked)))
    out: dict[int, Match] = {place: match(led.aligned(way).links, gold[place].sure, gold[place].possible) for place, led in found}
    return [out[place] for place in range(len(gold))]


def error_of(matches: Sequence[Match]) -> Estimate:
    """The error rate with its interval over sentences."""
    counts = np.array(matches)
    return over_items(len(matches), lambda drawn: Match(*counts[np.asarray(drawn)].sum(0).tolist()).error)


def own_aligner(opened: Opened, gold: Sequence[Gold], asked: Asked | None = None) -> Aligner:
    """The model's own aligner, measured on gold pairs. Raises TaskError where it has none."""
    a = opened.manifest.aligner
    if a is None:
        raise TaskError(
            f"the model {opened.manifest.name} has no aligner to measure.",
            "Choose one: limelight eval MODEL --task align --data PAIRS --data LINKS.",
        )
    return measured(way_of(a), matched(opened, gold, way_of(a), asked), a.measured_on)


def rates(found: Aligner) -> dict[str, Any]:
    """What was measured, as plain JSON data."""
    return {"aer": found.aer, "interval": [found.low, found.high], "precision": found.precision, "recall": found.recall}


def scored(found: Aligner) -> str:
    """What was measured, for people."""
    rest = f"precision {found.precision:.3f}, recall {found.recall:.3f}, {found.pairs} gold pairs"
    return f"AER {found.aer:.3f} ({found.low:.3f} to {found.high:.3f}; 0 is perfect)   {rest}"
