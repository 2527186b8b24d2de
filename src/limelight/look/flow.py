"""Attention flow: how much of each input place can reach one place of a layer, with attention weights as the widths of pipes."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError, TraceError
from .rollout import column
from .trace import Trace
from .view import Path

MOST, WHOLE = 256, 1 << 24           # places of a text; what a weight of 1 is in whole numbers


def flow(seen: Trace, *, place: int, side: str | None = None, layer: int | None = None, path: Path | None = None) -> Float[Tensor, " n"]:
    """The largest flow from each input place to `place` of a layer, as shares that sum to 1 (Abnar and Zuidema 2020, section 3.2).

    Each layer's pipes are (mean of heads + identity) / 2, as in `rollout`; but a path carries no more than its narrowest pipe. Each input
    place costs one search for a largest flow over n^2 pipes a layer: for short texts, in one row. Needs scipy. Raises TraceError where a
    layer below was not traced or a place is not there, InputError for more than 256 places, or without scipy.
    """
    views = list(column(seen, side, layer))
    b, _, n, _ = views[0].shape(path)
    if not -n <= place < n:
        raise TraceError(f"there are {n} places, 0 to {n - 1}: got {place}.", "Name a place of the sequence that was traced.")
    if n > MOST or b > 1:
        raise InputError(f"flow goes through a text of at most {MOST} tokens, alone: got {b} of {n}.", "Use rollout, which takes any.")
    csgraph, sparse = _scipy()
    maps = [_pipes(torch.cat([rows.mean(1)[0] for rows in view.rows(path=path)])) for view in reversed(views)]
    graph = _graph(sparse, maps, n)
    found = [int(csgraph.maximum_flow(graph, len(maps) * n + i, place % n).flow_value) for i in range(n)]
    flows = torch.tensor(found, dtype=torch.float64)
    return (flows / flows.sum().clamp(min=1)).float()


def _pipes(mean: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """With what goes around the attention; of a row that sees nothing, all stays where it is."""
    blind = 1 - mean.sum(-1)
    return 0.5 * mean + 0.5 * torch.eye(len(mean)) + 0.5 * torch.diag(blind)


def _graph(sparse: Any, maps: list[Tensor], n: int) -> Any:
    """Pipes from the places below to those above, layer by layer; the top layer's places are numbered first."""
    starts, ends, widths = [], [], []
    for depth, weights in enumerate(maps):
        above, below = weights.nonzero(as_tuple=True)
        starts.append(below + (depth + 1) * n)
        ends.append(above + depth * n)
        widths.append((weights[above, below].double() * WHOLE).round().int())
    size = (len(maps) + 1) * n
    pipes = (torch.cat(widths).numpy(), (torch.cat(starts).numpy(), torch.cat(ends).numpy()))
    return sparse.csr_array(pipes, shape=(size, size))


def _scipy() -> tuple[Any, Any]:
    try:
        from scipy import sparse
        from scipy.sparse import csgraph
    except ImportError:
        raise InputError("flow needs scipy, which is not installed.", "pip install limelight[flow], or use rollout.") from None
    return csgraph, sparse
