"""Depths: what each layer of a stack made of a sequence, and how long a vector each of its parts added, seen in the pass itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ..look.states import states
from ..nn import Network
from ..nn.stack import Stack

PARTS = {"attn": "self", "cross": "cross", "ff": "feed-forward"}


@dataclass
class Depth:
    """One stack. `states`: see look.states, one more than there are layers; `norms`: by layer and part, the norm of what it gave each place
    before that was added (b n)."""

    states: list[Float[Tensor, "b n m"]] = field(default_factory=list)
    norms: dict[tuple[int, str], Float[Tensor, "b n"]] = field(default_factory=dict)


@contextmanager
def depths(model: Network) -> Iterator[dict[str, Depth]]:
    """By side, as long as the block is open; recurrent columns, whose layers are no stack, are left out. For one thread."""
    found: dict[str, Depth] = {}
    with ExitStack() as watched:
        for side, stack in (("encoder", model.encoder), ("decoder", model.decoder)):
            if isinstance(stack, Stack):
                found[side] = depth = Depth(watched.enter_context(states(model, side)))
                for layer, block in enumerate(stack.layers):
                    for name, part in PARTS.items():
                        if (module := getattr(block, name)) is not None:
                            handle = module.register_forward_hook(_keep(depth, layer, part))
                            watched.callback(handle.remove)
        yield found


def _keep(depth: Depth, layer: int, part: str) -> Any:
    def hook(module: nn.Module, given: Any, made: Tensor) -> None:
        del module, given
        depth.norms[layer, part] = made.detach().float().norm(dim=-1)

    return hook
