"""The gradient of a large table of embeddings: a batch reads few of its rows, and torch writes zeros to all others, then adds them up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

LARGE = 1 << 20            # elements; a pass over fewer costs next to nothing


@contextmanager
def rows_apart(model: nn.Module) -> Iterator[None]:
    """A block whose ways back leave the rows that were read of large tables on a CPU aside, and whose end adds them to the gradients.

    The output layer's gradient, where it is tied to the table, is then added to in place.
    """
    tables = [part for part in model.modules() if isinstance(part, nn.Embedding) and _serves(part)]
    read: list[tuple[nn.Embedding, Tensor, Tensor]] = []

    def aside(table: nn.Embedding, given: tuple[Tensor], made: Tensor) -> Tensor:
        if not made.requires_grad:
            return made
        rows = made.detach().requires_grad_()
        read.append((table, given[0], rows))
        return rows

    hooks = [table.register_forward_hook(aside) for table in tables]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    for table, tokens, rows in read:
        if rows.grad is not None:
            _add(table.weight, tokens, rows.grad)


def _add(weight: Tensor, tokens: Tensor, slopes: Tensor) -> None:
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    weight.grad.index_add_(0, tokens.flatten(), slopes.flatten(0, -2).to(weight.grad.dtype))


def _serves(table: nn.Embedding) -> bool:
    plain = not table.sparse and table.max_norm is None and not table.scale_grad_by_freq and table.padding_idx is None
    return plain and table.weight.device.type == "cpu" and table.weight.numel() >= LARGE and table.weight.requires_grad
