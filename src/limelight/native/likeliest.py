"""The likeliest word of each row of scores, and its logarithm: torch looks for the largest of 50,000 numbers ten times as long."""

from __future__ import annotations

import ctypes

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .build import library

Likeliest = tuple[Int[Tensor, " r"], Float[Tensor, " r"], Float[Tensor, " r"]]


class _Scores(ctypes.Structure):
    """`Scores` of csrc/likeliest.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("x", "at", "most", "rest")),
        *((name, ctypes.c_int64) for name in ("rows", "words", "stride")),
        ("threads", ctypes.c_int32),
    )


def likeliest(scores: Float[Tensor, "r v"]) -> Likeliest:
    """For each row the place of the largest score, the first where several are; that score; and log(sum(exp(score - largest))).

    So the log-probability of a score is score - largest - rest. The numbers of a row do not depend on its neighbours.
    """
    native = library()
    if native is None or scores.device.type != "cpu" or scores.dtype != torch.float32 or scores.stride(1) != 1:
        return plainly(scores)
    rows, words = scores.shape
    at, most, rest = torch.empty(rows, dtype=torch.int64), torch.empty(rows), torch.empty(rows)
    places = (scores.data_ptr(), at.data_ptr(), most.data_ptr(), rest.data_ptr())
    native.limelight_likeliest(ctypes.byref(_Scores(*places, rows, words, scores.stride(0), min(rows, torch.get_num_threads()))))
    return at, most, rest


def plainly(scores: Float[Tensor, "r v"]) -> Likeliest:
    """The same by torch alone."""
    at, logs = scores.argmax(-1), scores.log_softmax(-1)
    most, log = (each.gather(1, at[:, None])[:, 0] for each in (scores, logs))
    return at, most, -log
