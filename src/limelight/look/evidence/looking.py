"""Attention and rollout as ways of telling what words do: they say how much, and never which way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from ...errors import TaskError
from .case import Attribution, Case, Reading
from .gaze import Gaze, attended, rolled_out

LOOKED = "the share of attention that the word gets"
ROLLED = "the share of the word in what is read off, as attention carries it through all layers"


def attention(reading: Reading, cases: Sequence[Case]) -> list[Attribution]:
    """The share of attention that each word gets from the places that the answer is read off. Raises TaskError where there is none."""
    return _looked(reading, cases, attended, LOOKED)


def rollout(reading: Reading, cases: Sequence[Case]) -> list[Attribution]:
    """The share of each word in those places, through all layers. Raises TaskError where there is no attention."""
    return _looked(reading, cases, rolled_out, ROLLED)


def _looked(reading: Reading, cases: Sequence[Case], look: Callable[..., Tensor], says: str) -> list[Attribution]:
    work = partial(look, reading.model, _gaze(reading), reading.says)
    found = iter(reading.read([row for case in cases for row, weight in zip(case.rows, case.looked, strict=True) if weight], work))
    return [Attribution(case.per_word(list(_tokens(case, found)), case.looked), says) for case in cases]


def _tokens(case: Case, found: Iterator[Tensor]) -> Iterator[Tensor]:
    """Values of the tokens of each row; nothing for those that were not looked at."""
    for row, weight in zip(case.rows, case.looked, strict=True):
        yield next(found) if weight else torch.zeros(len(row.ids))


def _gaze(reading: Reading) -> Gaze:
    if reading.gaze is None:
        family = reading.model.spec.family
        raise TaskError(f"{family} has no attention to show beside what its words do.", "Ask for leave-one-out, or for gradients.")
    return reading.gaze
