"""Which heads matter, and a model without some of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..inputs.batch import Batch
from ..inputs.pairs import Pairs
from ..look import ablate
from ..nn import Network
from .language import next_letter

Head = tuple[str, int]               # the name of an attention, and which of its heads


def importance(model: Network, rows: Int[Tensor, "b n"]) -> dict[Head, float]:
    """How much the loss of a row would change if a head's output were a little larger or smaller, on average over rows.

    Michel et al. 2019, equation 2: |dL / d xi| for a gate xi = 1 on the head's output, each layer divided by its Euclidean norm. The gate
    scales the columns of the output matrix that read the head, so its gradient is the sum of weight x gradient over those columns.
    """
    maps = out_maps(model)
    heads = {name: model.attentions()[name].heads for name in maps}
    sums = {name: torch.zeros(count) for name, count in heads.items()}
    for row in rows:
        found = next_letter(model, Pairs(Batch(row[None, :-1]), Batch(row[None, 1:])))
        slopes = torch.autograd.grad(found.total / found.tokens, list(maps.values()))
        for (name, weight), slope in zip(maps.items(), slopes, strict=True):
            sums[name] += by_head(weight.detach() * slope, heads[name]).abs()
    return {(name, head): float(x) for name, each in sums.items() for head, x in enumerate(each / each.norm().clamp(min=1e-30))}


def out_maps(model: Network) -> dict[str, Tensor]:
    """The matrices (m hd) that bring heads together, by the name of their attention."""
    return {name: a.o.weight for name, a in model.attentions().items() if isinstance(a.o, nn.Linear)}


def by_head(columns: Float[Tensor, "m hd"], heads: int) -> Float[Tensor, " h"]:
    """Sums over the columns of each head."""
    return columns.unflatten(1, (heads, -1)).sum((0, 2))


def silent(model: Network, heads: Sequence[Head]) -> AbstractContextManager[None]:
    """The block in which these heads say nothing."""
    chosen: dict[str, list[int]] = {}
    for name, head in heads:
        chosen.setdefault(name, []).append(head)
    return ablate(model, chosen)
