"""Shown: pictures through a model that says something of them, in batches, in the order that they came in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Batch
from ...inputs.pictures import Picture, read, ready
from ..asking import numbered

Shown = str | os.PathLike[str] | bytes | Image.Image | Picture


@dataclass(frozen=True, eq=False)
class Looked:
    """What a model made of a picture, on the CPU in fp32; `name`: of its file; `seconds`: the batch's, shared out evenly."""

    name: str
    values: Tensor
    seconds: float


@torch.inference_mode()
def look_at(opened: Opened, items: Sequence[object], work: Callable[[Batch], Tensor], *, batch: int) -> list[Looked]:
    """`work` on each picture: a batch of them (b c h w) -> values for each (b ...). No more than a batch of them is in memory.

    Raises InputError for what is no picture, with its number where there are several, or one that the model does not read.
    """
    found = list[Looked]()
    for first in range(0, len(items), batch):
        places = range(first, min(first + batch, len(items)))
        some = [numbered(place, items, lambda place=place: read(items[place]), what="picture") for place in places]
        began = time.perf_counter()
        out = work(ready(some, opened.pictures).to(opened.device)).float().cpu()
        if not bool(torch.isfinite(out).all()):
            raise InputError(f'"{opened.manifest.name}" gives what is no finite number.', "Try dtype fp32; or its weights are damaged.")
        share = (time.perf_counter() - began) / len(some)
        found += [Looked(picture.name, values, share) for picture, values in zip(some, out, strict=True)]
    return found
