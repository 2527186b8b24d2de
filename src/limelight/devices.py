"""Where to compute and in which number format."""

from __future__ import annotations

import torch

from .errors import DeviceError, did_you_mean

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LONG = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}    # torch's own words for them


def pick_device(name: str = "auto") -> torch.device:
    """"auto" takes CUDA where there is one, else the CPU. Raises DeviceError for a device that is unknown or absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()                         # the "meta" device holds no numbers to give back
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise DeviceError(f'no device "{name}" here: {str(error).splitlines()[0][:120]}', "Use --device auto or --device cpu.") from None
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """"auto" is fp32 on a CPU and bf16 on an accelerator. Raises DeviceError for an unknown name."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    short = LONG.get(name, name)
    if short not in DTYPES:
        raise DeviceError(f'no dtype "{name}".', did_you_mean(name, ("auto", *DTYPES)))
    return DTYPES[short]


def dtype_name(dtype: torch.dtype) -> str:
    """The short name of a number format: pick_dtype's way back."""
    name = str(dtype).removeprefix("torch.")
    return LONG.get(name, name)
