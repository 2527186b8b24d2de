"""Gaze: the attention of the places that an answer is read off, as it is and rolled out through all layers below.

Attention need not be what an answer rests on (Jain and Wallace 2019, Attention is not Explanation): it is one way among others here,
and measured as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ...inputs import Batch
from ...nn import Network
from ..rollout import rolled
from ..trace import trace
from ..view import View

BUDGET, CHUNK = "2GB", 128
Work = Callable[[Batch], Tensor]


@dataclass(frozen=True, eq=False)
class Gaze:
    """`layer`: the name of an attention; `asks`: given a batch and the number of queries, how much each query counts, (b q), 1 in all;
    `said`: whose attention that is, for people."""

    layer: str
    asks: Callable[[Batch, int], Float[Tensor, "b q"]]
    said: str

    @classmethod
    def last(cls, model: Network, asks: Callable[[Batch, int], Float[Tensor, "b q"]], place: str) -> Gaze | None:
        """That of the last layer which looks at the text that is explained, None where there is none: where an encoder reads the text and a
        decoder answers, it is the decoder's to the encoder. `place`: who asks, in words."""
        both = model.encoder is not None and model.decoder is not None
        found = [name for name in model.attentions() if name.endswith(".cross" if both else ".self")]
        if not found:
            return None
        heads = model.attentions()[found[-1]].heads
        return cls(found[-1], asks, f"{found[-1]}, from {place}, " + ("its one head" if heads == 1 else f"mean of {heads} heads"))

    @property
    def crossing(self) -> bool:
        """Whether a decoder looks at an encoder."""
        return self.layer.endswith(".cross")


def attended(model: Network, gaze: Gaze, work: Work, batch: Batch) -> Float[Tensor, "b n"]:
    """The share of attention that each token gets: the mean of all heads, and of the places that ask. `work`: lets the model read."""
    with trace(model, layers=gaze.layer, budget=BUDGET) as seen:
        work(batch)
    return _shares(seen[gaze.layer], gaze, batch)


def rolled_out(model: Network, gaze: Gaze, work: Work, batch: Batch) -> Float[Tensor, "b n"]:
    """How much of each token reaches the places that ask, through all layers (Abnar and Zuidema 2020, section 3); where a decoder looks
    at an encoder, through the encoder's layers, from what it took there."""
    side = "encoder" if gaze.crossing else gaze.layer.partition(".")[0]
    layers = list(dict.fromkeys([gaze.layer, f"{side}.*.self"]))
    with trace(model, layers=layers, budget=BUDGET) as seen:
        work(batch)
    view = seen[gaze.layer]
    shares = _shares(view, gaze, batch) if gaze.crossing else gaze.asks(batch, view.shape()[2]).float()
    return rolled(seen, shares[:, None], side=side)[:, 0]


def rolls(model: Network, gaze: Gaze) -> bool:
    """Whether there are layers to roll through: a recurrent encoder has none."""
    side = "encoder" if gaze.crossing else gaze.layer.partition(".")[0]
    return any(name.startswith(side) and name.endswith(".self") for name in model.attentions())


def even(keep: Bool[Tensor, "b q"]) -> Float[Tensor, "b q"]:
    """All real places count alike."""
    return keep / keep.sum(1, keepdim=True)


def one(places: Int[Tensor, " b"], queries: int) -> Float[Tensor, "b q"]:
    """One place of each row counts."""
    return torch.nn.functional.one_hot(places, queries).float()


def _shares(view: View, gaze: Gaze, batch: Batch) -> Float[Tensor, "b n"]:
    """Only the rows of queries that count are rebuilt."""
    b, _, queries, keys = view.shape()
    asks = gaze.asks(batch, queries).float()
    out = torch.zeros(b, keys, device=asks.device)
    counts = asks.any(0).nonzero()[:, 0].tolist()
    while counts:
        chunk = [q for q in counts if q < counts[0] + CHUNK]
        rows = view.weights(queries=slice(chunk[0], chunk[-1] + 1)).mean(1).to(out.device)         # (b q n)
        out += torch.einsum("bq,bqn->bn", asks[:, chunk[0] : chunk[-1] + 1], rows)
        counts = counts[len(chunk) :]
    return out
