"""Pruning: a model that is smaller by heads, where `ablate` only silences them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from torch import Tensor

from ..errors import TraceError
from ..nn import Attention, Network, pack_matrices
from ..nn.unfilled import unfilled
from ..spec import Model, Pruned, Stack
from .intervene import Heads, chosen_heads


def prune(model: Network, heads: Heads) -> Network:
    """The model without some heads (Michel et al. 2019, section 4; Voita et al. 2019, section 6): a new one that does less work, with the
    weights of the rest. Its logits are those of the model in which `ablate` silences them.

    `heads`: as for `ablate`, by the numbers that they have now; those that stay are numbered anew from 0. Where heads share keys
    (grouped-query attention), each group of keys that stays keeps as many. Raises TraceError for a name or a head that is not there, or a
    recurrent decoder's; SpecError where an attention would have none left, or groups would differ.
    """
    known = model.attentions()
    gone = {name: set(some) for name, some in chosen_heads(model, heads).items() if some}
    with unfilled():
        made = Network(_spec(model, {name: [h for h in range(known[name].heads) if h not in lost] for name, lost in gone.items()}))
    state, homes = dict(model.state_dict()), {module: path for path, module in model.named_modules()}
    for name in gone:
        before, after = known[name], made.attentions()[name]
        state |= {f"{homes[before]}.{part}": _left(part, tensor, before, after) for part, tensor in before.state_dict().items()}
    made.take({key: tensor.clone() for key, tensor in state.items()})
    first = next(model.parameters())
    made = made.to(device=first.device, dtype=first.dtype).train(model.training).requires_grad_(first.requires_grad)
    if not model.training:
        pack_matrices(made)
    return made


def _left(part: str, tensor: Tensor, before: Attention, after: Attention) -> Tensor:
    """What of a tensor belongs to the heads that stay."""
    first = range(before.heads) if before.kept is None else before.kept
    heads = [h for h, name in enumerate(first) if name in (after.kept or ())]
    groups = sorted({h // (before.heads // before.groups) for h in heads})
    match part.split("."):
        case ["q", _]:
            return _parts(tensor, before.heads, heads)
        case ["k" | "v", _]:
            return _parts(tensor, before.groups, groups)
        case ["o", "weight"]:
            return _parts(tensor.mT, before.heads, heads).mT
        case ["score"]:
            return tensor[heads]
    return tensor


def _parts(tensor: Tensor, count: int, which: Sequence[int]) -> Tensor:
    """Some of `count` equal parts of the rows."""
    return tensor.unflatten(0, (count, -1))[list(which)].flatten(0, 1)


def _spec(model: Network, stay: Mapping[str, Sequence[int]]) -> Model:
    """The spec in which these attentions have only those of their present heads."""
    spec = model.spec
    for side in spec.columns:
        mine = {name.removeprefix(f"{side}."): kept for name, kept in stay.items() if name.startswith(f"{side}.")}
        if not mine:
            continue
        stack = getattr(spec, side)
        if not isinstance(stack, Stack):
            raise TraceError(f"{side} is recurrent: its attention has one head, which it needs.", "Train one without attention.")
        others = tuple(each for each in stack.pruned if each.name not in mine)
        lost = tuple(_lost(stack, name, kept, model.attentions()[f"{side}.{name}"].kept) for name, kept in mine.items())
        spec = replace(spec, **{side: replace(stack, pruned=tuple(sorted((*others, *lost), key=lambda each: (each.layer, each.part))))})
    return spec


def _lost(stack: Stack, name: str, stay: Sequence[int], before: Sequence[int] | None) -> Pruned:
    """What an attention has lost by now, by the numbers that its heads had at first."""
    layer, part = name.split(".")
    whole = stack.attention if part == "self" else stack.cross
    all_heads = range(whole.heads if whole else 0)
    first = list(all_heads) if before is None else before
    kept = {first[h] for h in stay}
    kind: Literal["self", "cross"] = "self" if part == "self" else "cross"
    return Pruned(layer=int(layer), part=kind, heads=tuple(h for h in all_heads if h not in kept))
