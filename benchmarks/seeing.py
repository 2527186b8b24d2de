"""Seeing: a random ViT-base tells a thousand classes of pictures apart; pictures a second, alone and together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from limelight.measure import Turn, rounded

from .contest import contest
from .contestants import Field, Views, folders, gather, hugging_face, onnx_runtime, open_vino, ours, tried
from .contestants.folders import Seer
from .limits import limits
from .machine import installed

ENTRANTS = (ours, hugging_face, onnx_runtime, open_vino)
REFERENCE = "limelight fp32"


@dataclass(frozen=True)
class Setting:
    """How much to run: `work`: pictures at once, calls a turn."""

    shape: Seer
    work: tuple[tuple[int, int], ...]
    rounds: int


FULL = Setting(folders.VIT_BASE, work=((1, 4), (16, 1)), rounds=7)
SMOKE = Setting(folders.TINY_VIT, work=((1, 1), (3, 1)), rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants on each work -> the JSON of this page, less the machine. The weights are made by transformers."""
    s = SMOKE if smoke else FULL
    found: dict[str, Any] = {
        "what": "classifying pictures with ViT-base, pictures a second, in turns on the same numbers",
        "setting": asdict(s.shape),
        "limits": asdict(limits(smoke)),
        "cases": [],
    }
    if installed("transformers"):
        with tempfile.TemporaryDirectory() as folder:
            at = folders.vit(s.shape, Path(folder) / "random")
            everyone = [each for entrant in ENTRANTS for each in entrant.viewers(at)]
            field = gather(each for each in everyone if not smoke or hugging_face.COMPILED not in each.name)
            found["cases"] = [_case(s, field, *work, smoke) for work in s.work]
    return found


def _case(s: Setting, field: Field[Views], count: int, calls: int, smoke: bool) -> dict[str, Any]:
    pictures = torch.randn(count, 3, s.shape.side, s.shape.side, generator=torch.Generator().manual_seed(0))
    said = tried(field, lambda view: view(pictures))

    def turn(view: Views) -> Turn:
        return lambda _: float(sum(len(view(pictures)) for _ in range(calls)))

    norm = said[REFERENCE].norm()
    return {
        "setting": {"pictures": count},
        **contest(field, {name: turn(view) for name, view in field.ready.items()}, rounds=s.rounds, unit="pictures/s",
                  least=_least(s, count, calls, smoke)),
        "apart_from_limelight_fp32": {name: rounded(float((each - said[REFERENCE]).norm() / norm)) for name, each in said.items()},
    }  # fmt: skip


def _least(s: Setting, count: int, calls: int, smoke: bool) -> Callable[[str], float]:
    """Every place through the layers' matrices, which are read at least once a call."""
    operations = 2.0 * s.shape.matrices * s.shape.places * count
    return lambda precision: calls * limits(smoke).seconds(precision, weights=s.shape.matrices, operations=operations)
