"""The bends and norms of a spec, as modules and functions."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..native.bend import gelu_tanh
from ..spec import Norm as NormSpec

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": gelu_tanh,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "silu": F.silu,
    "tanh": torch.tanh,
}


def norm(s: NormSpec, dim: int) -> nn.Module:
    """The norm of the spec for vectors of width `dim`."""
    return nn.LayerNorm(dim, s.eps) if s.kind == "layer" else nn.RMSNorm(dim, s.eps)
