"""Telling: which words an answer rests on, by one of the ways of look.evidence, with how far that way is to be trusted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from ...inputs import Batch, Encoded
from ...look.evidence import STEPS, USUAL, Attribution, Case, Gaze, Gone, Reading, able, by_effect, curves, method, reread, value_of
from ...look.evidence.words import said
from ...look.why import LOOKED, Decider, Standing, Why
from ...manifest import Evidence
from .rows import as_batch, read

Says = Callable[[Batch], Float[Tensor, "b c"]]


def reading_of(opened: Opened, says: Says, gaze: Gaze | None, *, batch: int, least: int = 1, twice: bool = False) -> Reading:
    """How a model that is open reads rows; see look.evidence.Reading and Gone."""
    marks = opened.text.marks
    rest = next(each for each in (marks.start, marks.end, opened.text.pad) if each is not None)

    def many(rows: Sequence[Encoded], work: Callable[[Batch], Tensor]) -> list[Tensor]:
        return [each.values for each in read(opened, rows, work, batch=batch)]

    return Reading(opened.model, says, partial(as_batch, opened), many, Gone(marks.mask, rest, least), gaze, twice)


def ranked(reading: Reading, evidence: Evidence | None) -> tuple[str, ...]:
    """The ways that work with a model, the best measured first."""
    there = able(reading)
    measured = [each.method for each in evidence.methods if each.method in there] if evidence else []
    return tuple(dict.fromkeys((*measured, USUAL, *there)))


def standing(evidence: Evidence | None, name: str) -> Standing | None:
    """How a way was found to be; None where it was not measured."""
    for rank, each in enumerate(evidence.methods if evidence else (), 1):
        if evidence is not None and each.method == name:
            about, n = evidence.measured_on, evidence.texts
            return Standing(each.comprehensiveness, each.sufficiency, each.within, about, n, rank, len(evidence.methods))
    return None


def tell(reading: Reading, cases: Sequence[Case], name: str | None, *, evidence: Evidence | None = None, curve: bool = False) -> list[Why]:
    """Why each case has the value that it has. `name`: the way; by default the best that was measured. `evidence`: what was measured with
    this model; `curve`: also what becomes of the score as words go.

    Raises RecipeError for an unknown way, TaskError for one that does not work with the model.
    """
    began = time.perf_counter()
    name = name or ranked(reading, evidence)[0]
    found = method(name)(reading, cases)
    looked: Sequence[Attribution | None] = [None] * len(cases)
    if reading.gaze is not None:
        looked = found if name == LOOKED else method(LOOKED)(reading, cases)
    bare = reread(reading, [(case, range(len(case.words))) for case in cases])
    drawn = curves(reading, [(case, by_effect(each.effects)) for case, each in zip(cases, found, strict=True)] if curve else [])
    paid = (time.perf_counter() - began) / max(1, sum(map(_work, cases)))
    whys = []
    for n, case in enumerate(cases):
        whys.append(
            Why(
                label=case.label,
                score=case.shown(case.before),
                words=_deciders(case, found[n], looked[n]),
                how=reading.gone.how,
                bare=case.shown(bare[n]),
                change=value_of(case, case.before) - value_of(case, bare[n]),
                seen_by=reading.gaze.said if reading.gaze else "",
                of=case.of,
                method=name,
                says=found[n].says,
                standing=standing(evidence, name),
                curve=tuple(zip(STEPS, drawn[n], strict=True)) if curve else (),
                seconds=paid * _work(case),
            )
        )
    return whys


def _work(case: Case) -> int:
    """About how much there is to read."""
    return len(case.rows) * (len(case.words) + 1)


def _deciders(case: Case, found: Attribution, looked: Attribution | None) -> tuple[Decider, ...]:
    return tuple(
        Decider(
            text=said(case.rows[0], word.part)[slice(*word.span)],
            span=word.span,
            part=word.part,
            effect=found.effects[n],
            score=None if found.scores is None else found.scores[n],
            attention=None if looked is None else looked.effects[n],
        )
        for n, word in enumerate(case.words)
    )
