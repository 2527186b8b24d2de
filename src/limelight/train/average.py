"""Averaged weights: a moving average kept beside the training, or the mean of saved checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from .plan import Ema


class MovingAverage:
    """shadow <- decay * shadow + (1 - decay) * weight after each step, over the parameters of one model.

    The decay starts small, min(decay, (1 + step) / (10 + step)), so that the random first weights are soon forgotten.
    """

    def __init__(self, weights: Mapping[str, Tensor], how: Ema):
        self._weights, self._decay = weights, how.decay
        self.shadow = {name: weight.detach().clone() for name, weight in weights.items()}

    def update(self, step: int) -> None:
        """Take the weights after `step` in."""
        with torch.no_grad():
            keep = min(self._decay, (1 + step) / (10 + step))
            weights = [weight.detach() for weight in self._weights.values()]
            torch._foreach_lerp_(list(self.shadow.values()), weights, 1 - keep)   # pyright: ignore[reportPrivateImportUsage]

    def wear(self) -> None:
        """Give the model the average for good."""
        put(self._weights, self.shadow)

    @contextmanager
    def worn(self) -> Iterator[None]:
        """A block in which the model wears the average; its own weights come back after it, bit for bit."""
        own = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self.wear()
        try:
            yield
        finally:
            put(self._weights, own)


def put(weights: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into the weights of the same names, in place."""
    with torch.no_grad():
        for name, value in values.items():
            weights[name].copy_(value)


def mean_of(checkpoints: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the model weights of some checkpoints, summed in float64; what is not a float is the last one's."""
    sums: dict[str, Tensor] = {}
    last: dict[str, Tensor] = {}
    for path in checkpoints:
        last = load_file(path / "model.safetensors")
        sums = {name: t.double() + sums.get(name, 0.0) if t.is_floating_point() else t for name, t in last.items()}
    return {name: (sums[name] / len(checkpoints)).to(t.dtype) if t.is_floating_point() else t for name, t in last.items()}
