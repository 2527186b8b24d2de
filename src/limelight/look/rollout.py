"""Attention rollout: how much of each input place reaches chosen places of a layer, through all layers below and around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import TraceError
from .trace import Trace
from .view import Path, View


def rollout(
    seen: Trace,
    *,
    places: Sequence[int],
    side: str | None = None,
    layer: int | None = None,
    path: Path | None = None,
    most: int | None = None,
) -> Float[Tensor, "b p n"]:
    """Rows of W = A_l ... A_1, A = (mean of heads + identity) / 2 (Abnar and Zuidema 2020, section 3): shares of the input that sum to 1.

    `places`: whose rows; `layer`: up to which (None: the last); `side`: "encoder" or "decoder", where both were traced. A row costs one
    pass over the maps below it, in strips: no map ever stands in memory. Padding that sees nothing keeps what it is. `most`: through each
    attention only so many places are followed, those that hold most; what the others took from it is left out, and the shares sum to
    what was followed.
    Raises TraceError where a layer below was not traced, or a place is not there.
    """
    views = list(column(seen, side, layer))
    b, _, n, _ = views[0].shape(path)
    if odd := [place for place in places if not -n <= place < n]:
        raise TraceError(f"there are {n} places, 0 to {n - 1}: got {odd[0]}.", "Name places of the sequence that was traced.")
    shares = torch.zeros(b, len(places), n, device=views[0].looks[0].q.device)
    shares[:, range(len(places)), [place % n for place in places]] = 1.0
    return rolled(seen, shares, side=side, layer=layer, path=path, most=most)


def rolled(
    seen: Trace,
    shares: Float[Tensor, "b p n"],
    *,
    side: str | None = None,
    layer: int | None = None,
    path: Path | None = None,
    most: int | None = None,
) -> Float[Tensor, "b p n"]:
    """The same for mixtures of places: `shares` of the layer's output -> shares of the input. See `rollout` for the rest."""
    for view in reversed(list(column(seen, side, layer))):
        shares = _through(view, shares, path, most)
    return shares


def _through(view: View, shares: Float[Tensor, "b p n"], path: Path | None, most: int | None) -> Float[Tensor, "b p n"]:
    """What reaches places of the layer, told by the places that it comes from."""
    below, start = 0.5 * shares, 0
    held = shares.amax((0, 1))
    followed = torch.arange(len(held), device=held.device) if most is None or most >= len(held) else held.topk(most).indices.sort().values
    for strip in view.strips(path=path, queries=followed.tolist()):
        places = followed[start : start + strip.shape[2]]
        mine = shares[:, :, places]
        weights = strip.mean(1)
        blind = 1 - weights.sum(-1)                                # of a row that sees nothing, all stays where it is
        below[:, :, : strip.shape[3]] += 0.5 * mine @ weights
        below[:, :, places] += 0.5 * mine * blind[:, None]
        start += len(places)
    return below


def column(seen: Trace, side: str | None, layer: int | None) -> Iterator[View]:
    """The self-attentions of one side, from the first layer on."""
    found: dict[str, dict[int, str]] = {}
    for name in seen:
        if part := re.fullmatch(r"(encoder|decoder)\.(\d+)\.self", name):
            found.setdefault(part[1], {})[int(part[2])] = name
    sides = ", ".join(found) or "none"
    if not found or (side is None and len(found) > 1) or (side is not None and side not in found):
        raise TraceError(f"rollout goes through the self-attentions of one side: got side={side}, traced: {sides}.",
                         f'Give side="{next(iter(found), "encoder")}", and trace all of its layers.')
    names = found[side or next(iter(found))]
    top = max(names) if layer is None else layer
    if missing := [i for i in range(top + 1) if i not in names]:
        raise TraceError(f"rollout goes through all layers: layer {missing[0]} was not traced.", 'Trace layers="encoder.*" or "decoder.*".')
    return (seen[names[i]] for i in range(top + 1))
