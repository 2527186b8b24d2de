"""Pooled: the attention of the place that a class is read off, over the tokens of a text."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ...errors import TaskError
from ...hub import Opened
from ...inputs import Batch
from ...look import View, trace
from ...nn.heads import end_of
from .judging import head_of

BUDGET = "2GB"


def attended(opened: Opened, batch: Batch) -> Float[Tensor, "b n"]:
    """The share of attention that each token gets in the last layer, from the place that the head reads: the mean of all heads, and of
    all places where it reads their mean.

    Where an encoder reads the text and a decoder answers, it is the decoder's attention to the encoder.
    """
    with trace(opened.model, layers=_layer(opened), budget=BUDGET) as seen:
        opened.model.hidden(batch, start=opened.manifest.generation.start or 0)
    view = seen[_layer(opened)]
    keep = torch.ones(batch.values.shape, dtype=torch.bool, device=batch.values.device) if batch.keep is None else batch.keep
    at = head_of(opened).at
    return _mean(view, keep) if at == "mean" else _one(view, end_of(keep, at))


def described(opened: Opened) -> str:
    """Whose attention that is."""
    at, name = head_of(opened).at, _layer(opened)
    place = "all places" if at == "mean" else f"the {at} place"
    heads = opened.model.attentions()[name].heads
    return f"{name}, from {place}, " + ("its one head" if heads == 1 else f"mean of {heads} heads")


def _layer(opened: Opened) -> str:
    """The last attention that looks at the text as the tokenizer cut it. Raises TaskError where there is none."""
    both = opened.model.encoder is not None and opened.model.decoder is not None
    found = [name for name in opened.model.attentions() if name.endswith(".cross" if both else ".self")]
    if not found:
        raise TaskError(f"{opened.model.spec.family} has no attention to show beside what its words do.", "Leave --why out.")
    return found[-1]


def _one(view: View, places: Int[Tensor, "b"]) -> Float[Tensor, "b n"]:
    out = torch.zeros(view.shape()[0], view.shape()[3], device=places.device)
    for place in places.unique().tolist():
        row = view.weights(queries=slice(place, place + 1)).mean(1)[:, 0].to(out.device)           # (b n)
        out = torch.where((places == place)[:, None], row, out)
    return out


def _mean(view: View, keep: Bool[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    out, first = torch.zeros(view.shape()[0], view.shape()[3], device=keep.device), 0
    for rows in view.rows():
        mine = keep[:, first : first + rows.shape[2]]
        out += (rows.mean(1).to(out.device) * mine[:, :, None]).sum(1)                              # (b q n) -> (b n)
        first += rows.shape[2]
    return out / keep.sum(1, keepdim=True)
