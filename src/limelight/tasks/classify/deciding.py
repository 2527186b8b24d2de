"""Deciding: which words decided a class: a classifier's texts as cases of look.evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from torch import Tensor

from ...errors import InputError, did_you_mean
from ...hub import Opened
from ...look.evidence import Case, Reading, words_of
from ...look.why import Why
from ..reading.telling import reading_of, tell
from .judging import Judge, Sheet, class_logits
from .odds import log_odds, scores
from .pooled import gaze


@dataclass(frozen=True, eq=False)
class Found:
    """What was read of one text: logits (r w c) of the head for each row in each window, None where there was nothing to read."""

    logits: Float[Tensor, "r w c"] | None
    seconds: float


def explain(opened: Opened, judge: Judge, cases: Sequence[Case | None], method: str | None, *, batch: int) -> list[Why | None]:
    """Why each text was given its label; None for one without a label. All texts' words are read together, in batches. `method`: see
    reading.telling.tell."""
    measured = None if judge.hypotheses else opened.manifest.evidence
    some = [case for case in cases if case is not None]
    whys = iter(tell(class_reading(opened, batch), some, method, evidence=measured))
    return [None if case is None else next(whys) for case in cases]


def cases_of(judge: Judge, sheets: Sequence[Sheet], found: Sequence[Found], label: str | None = None) -> list[Case | None]:
    """Each text that something was read of. `label`: whose score it is, by default the best."""
    both = zip(sheets, found, strict=True)
    return [None if each.logits is None else case_of(judge, sheet, each.logits, label) for sheet, each in both]


def class_reading(opened: Opened, batch: int) -> Reading:
    """How a classifier reads."""
    both = opened.model.encoder is not None and opened.model.decoder is not None
    return reading_of(opened, partial(class_logits, opened), gaze(opened), batch=batch, twice=both)


def case_of(judge: Judge, sheet: Sheet, logits: Float[Tensor, "r w c"], label: str | None = None) -> Case:
    """A text of which something was read. Raises InputError for a label that nobody tells apart."""
    shape, shares, kind = logits.shape[:2], sheet.shares, judge.kind
    first = scores(judge.logits(logits), shares, kind)
    number = max(range(len(first)), key=first.__getitem__) if label is None else _number(judge, label)
    seen = number if judge.hypotheses else 0                         # the row that the label was read in
    return Case(
        rows=tuple(sheet.encoded),
        words=tuple(words_of([window.encoded for window in sheet.rows[0]], sheet.asked)),
        before=logits.flatten(0, 1),
        value=lambda said: log_odds(judge.logits(said.unflatten(0, shape)), shares, kind, number),
        shown=lambda said: scores(judge.logits(said.unflatten(0, shape)), shares, kind)[number],
        looked=tuple(share / sum(shares) * (r == seen) for r in range(len(sheet.rows)) for share in shares),
        label=judge.labels[number],
        of=judge.labels[number] if kind == "raw" else f"the log-odds of {judge.labels[number]}",
    )


def _number(judge: Judge, label: str) -> int:
    if label not in judge.labels:
        raise InputError(f"the model knows no label {label[:40]!r}.", did_you_mean(label, judge.labels))
    return judge.labels.index(label)
