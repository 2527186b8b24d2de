"""Weights as whole numbers, by compiled code where there is some and else by its plain twins."""

from __future__ import annotations

import ctypes

import torch
from jaxtyping import Float, Float16, Int8
from torch import Tensor

from ..quant.groups import GROUP, quantise_groups
from ..quant.int8 import quantise
from .build import library


class _Whole(ctypes.Structure):
    _fields_ = (
        ("x", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("width", ctypes.c_int64),
        ("whole", ctypes.c_void_p),
        ("scale", ctypes.c_void_p),
        ("shares", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("threads", ctypes.c_int),
    )


def whole_rows(x: Float[Tensor, "r c"]) -> tuple[Int8[Tensor, "r c"], Float[Tensor, " r"]]:
    """What `quant.int8.quantise` gives, but where two scales are as good as each other."""
    native = library()
    if native is None:
        return quantise(x)
    x, whole, scale = x.contiguous(), torch.empty(x.shape, dtype=torch.int8), torch.empty(len(x))
    asked = _Whole(x.data_ptr(), *x.shape, whole.data_ptr(), scale.data_ptr(), None, None, torch.get_num_threads())
    native.limelight_quantise(ctypes.byref(asked))
    return whole, scale


def whole_groups(x: Float[Tensor, "r c"]) -> tuple[Int8[Tensor, "r c"], Float16[Tensor, "r g"], Float[Tensor, " r"]]:
    """What `quant.groups.quantise_groups` gives, but where two scales are as good as each other."""
    native = library()
    if native is None:
        return quantise_groups(x)
    x, whole, scale = x.contiguous(), torch.empty(x.shape, dtype=torch.int8), torch.empty(len(x))
    scales = torch.empty(len(x), -(-x.shape[1] // GROUP))
    shares = torch.empty(scales.shape, dtype=torch.float16)
    outputs = (whole.data_ptr(), scale.data_ptr(), shares.data_ptr(), scales.data_ptr())
    native.limelight_quantise(ctypes.byref(_Whole(x.data_ptr(), *x.shape, *outputs, torch.get_num_threads())))
    return whole, shares, scale
