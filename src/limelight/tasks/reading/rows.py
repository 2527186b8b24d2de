"""Reading: rows of tokens through a model that says something of them, in batches of like length, in the order that they came in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...hub import Opened
from ...inputs import Batch, Encoded, pad
from ..asking import in_batches


@dataclass(frozen=True, eq=False)
class Read:
    """What a model made of a row, (n ...) or (...), on the CPU in fp32; and how long that took, the batch's time shared out evenly."""

    values: Tensor
    seconds: float


@torch.inference_mode()
def read(
    opened: Opened, rows: Sequence[Encoded], work: Callable[[Batch], Tensor], *, batch: int, keep: Sequence[Sequence[int]] | None = None
) -> list[Read]:
    """`work` on each row: a batch of rows (b n) -> values for each (b n ...) or (b ...); values of padding are cut off. `keep`: for each
    row the places whose values are wanted; the others take no memory."""
    found: dict[int, Read] = {}
    for places in in_batches([len(row.ids) for row in rows], batch):
        some = [rows[place] for place in places]
        began = time.perf_counter()
        given = as_batch(opened, some)
        out = work(given).float().cpu()
        share = (time.perf_counter() - began) / len(some)
        per_token = out.dim() > 2 and out.shape[1] == given.values.shape[1]
        for place, row, values in zip(places, some, out, strict=True):
            wanted = values if not per_token else values[: len(row.ids)] if keep is None else values[list(keep[place])]
            found[place] = Read(wanted, share)
    return [found[place] for place in range(len(rows))]


def as_batch(opened: Opened, rows: Sequence[Encoded]) -> Batch:
    """Rows as the model is given them, with the segments that it knows."""
    segments = [row.segments for row in rows] if _knows_segments(opened) else None
    return pad([row.ids for row in rows], filler=opened.text.pad, segments=segments).to(opened.device)


def _knows_segments(opened: Opened) -> bool:
    encoder = opened.manifest.spec.encoder
    return encoder is not None and encoder.tokens.segments > 1
