"""Limelight, in each precision that `limelight.open` offers: what comes later joins by itself."""

from __future__ import annotations

import inspect
from pathlib import Path

import torch
from torch import Tensor

from limelight.decode import Ending, Greedy, Suppress, generate
from limelight.hub import Opened, open_model
from limelight.inputs import Batch, pad

from . import LIMELIGHT, Contestant, Grows, Hears, Reads, Rows, Standing, Views, Writes
from .folders import END, PAD, untimed


def precisions() -> dict[str, dict[str, str]]:
    """Precision -> how open_model is asked for it."""
    found = {"fp32": {"dtype": "fp32"}, "bf16": {"dtype": "bf16"}}
    takes = inspect.signature(open_model).parameters
    if "quant" not in takes:
        return found
    plain = {"quant": "none"}
    return {**{name: {**how, **plain} for name, how in found.items()}, **{bits: {"quant": bits} for bits in ("int8", "int4")}}


def opened(folder: Path, how: dict[str, str]) -> Opened:
    """The model as its users open it."""
    return open_model(folder, device="cpu", **how)


def entrants(folder: Path) -> list[Contestant[Opened]]:
    """One in each precision."""
    return [Contestant(f"{LIMELIGHT} {name}", name, lambda how=how: opened(folder, how)) for name, how in precisions().items()]


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers, through the one generation loop."""
    return [each.then(_writes) for each in entrants(folder)]


def readers(folder: Path) -> list[Contestant[Reads]]:
    """Classifiers of rows."""
    return [each.then(_reads) for each in entrants(folder)]


def viewers(folder: Path) -> list[Contestant[Views]]:
    """Classifiers of pictures."""
    return [each.then(_views) for each in entrants(folder)]


def hearers(folder: Path) -> list[Contestant[Hears]]:
    """Greedy writers of what they hear."""
    return [each.then(_hears) for each in entrants(folder)]


def growers(folder: Path) -> list[Contestant[Grows]]:
    """Those who go on from a context, through the model's own forward pass and cache."""
    return [each.then(_grows) for each in entrants(folder)]


def _grows(opened: Opened) -> Grows:
    model = opened.model

    @torch.inference_mode()
    def grow(contexts: Rows) -> Standing:
        given, cache = torch.tensor(contexts), model.new_cache()
        model.decode(given, cache=cache)

        @torch.inference_mode()
        def write(new: int) -> None:
            token = given[:, -1:]
            for _ in range(new):
                token = model.logits(model.decode(token, cache=cache)[:, -1]).argmax(-1, keepdim=True)
            cache.trim(given.shape[1])

        return Standing(write, cache.nbytes)

    return grow


def _views(opened: Opened) -> Views:
    @torch.inference_mode()
    def view(pictures: Tensor) -> Tensor:
        return opened.model.classify(Batch(pictures), start=opened.manifest.generation.start).float()

    return view


def _hears(opened: Opened) -> Hears:
    never = (Suppress(tokens=(END,)),)

    begun = torch.tensor(untimed(len(opened.text)))

    def hear(frames: Tensor, new: int) -> Rows:
        start = begun.expand(len(frames), -1)
        found = generate(opened.model, Batch(frames), Greedy(), ending=Ending(frozenset(), new), start=start, filters=never)
        return [list(each[0].tokens) for each in found]

    return hear


def _writes(opened: Opened) -> Writes:
    def write(prompts: Rows, new: int) -> Rows:
        found = generate(opened.model, pad(prompts, side="left"), Greedy(), ending=Ending(frozenset(), new))
        return [list(each[0].tokens) for each in found]

    return write


def _reads(opened: Opened) -> Reads:
    @torch.inference_mode()
    def read(rows: Rows) -> Tensor:
        return opened.model.classify(pad(rows, filler=PAD)).float()

    return read
