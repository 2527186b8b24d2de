"""The tanh form of GELU there and back for what learns in bfloat16: torch's takes four times as long as a pass over memory."""

from __future__ import annotations

import ctypes
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from .build import library


def gelu_tanh(x: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """F.gelu(x, approximate="tanh"), by compiled code where bfloat16 learns on a CPU; gradients are then of the first order."""
    learns = torch.is_grad_enabled() and x.requires_grad
    if not learns or x.dtype != torch.bfloat16 or x.device.type != "cpu" or library() is None:
        return F.gelu(x, approximate="tanh")
    return _GeluTanh.apply(x)   # pyright: ignore[reportReturnType]


class _GeluTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.contiguous()
        ctx.save_for_backward(x)
        return _bent("limelight_gelu_tanh", x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> Tensor:   # pyright: ignore[reportIncompatibleMethodOverride]
        return _bent("limelight_gelu_tanh_slope", *ctx.saved_tensors, grad_outputs[0].contiguous())


def _bent(name: str, *given: Tensor) -> Tensor:
    """One number for each of those given."""
    out = torch.empty_like(given[0])
    places = (ctypes.c_void_p(each.data_ptr()) for each in (*given, out))
    getattr(library(), name)(*places, ctypes.c_int64(out.numel()), ctypes.c_int(torch.get_num_threads()))
    return out
