"""A residual network: from a picture of any size to a grid of vectors (He et al. 2016)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError
from ..spec import Features

EPS = 1e-5


class FrozenNorm(nn.Module):
    """A batch norm that no longer learns: channels are scaled and shifted by what was found once (Ioffe and Szegedy 2015, algorithm 2)."""

    weight: Tensor
    bias: Tensor
    mean: Tensor
    var: Tensor

    def __init__(self, channels: int):
        super().__init__()
        for name, value in {"weight": 1.0, "bias": 0.0, "mean": 0.0, "var": 1.0}.items():
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Channel by channel."""
        scale = self.weight * (self.var + EPS).rsqrt()
        return x * scale[:, None, None] + (self.bias - self.mean * scale)[:, None, None]


class Filter(nn.Module):
    """A convolution and its norm; the grid keeps its size, or every `stride`-th row and column of it."""

    def __init__(self, given: int, made: int, size: int, *, stride: int = 1, apart: int = 1):
        """`apart`: how far the numbers that a filter reads stand from one another."""
        super().__init__()
        self.map = nn.Conv2d(given, made, size, stride, padding=size // 2 * apart, dilation=apart, bias=False)
        self.norm = FrozenNorm(made)
        nn.init.kaiming_normal_(self.map.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        """(b c h w) -> (b k h/stride w/stride)."""
        return self.norm(self.map(x))


class ResidualBlock(nn.Module):
    """x + what two or three filters make of it (He et al. 2016, figure 5); where shapes differ, one more filter fits x to it."""

    def __init__(self, s: Features, given: int, made: int, *, stride: int = 1, apart: int = 1):
        super().__init__()
        if s.block == "bottleneck":
            few = made // 4
            steps = [Filter(given, few, 1), Filter(few, few, 3, stride=stride, apart=apart), Filter(few, made, 1)]
        else:
            steps = [Filter(given, made, 3, stride=stride, apart=apart), Filter(made, made, 3)]
        self.steps = nn.ModuleList(steps)
        self.skip = Filter(given, made, 1, stride=stride) if given != made or stride > 1 else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h2 w2"]:
        """(b c h w) -> (b k h/stride w/stride)."""
        y = x
        for i, step in enumerate(self.steps):
            y = step(y if i == 0 else F.relu(y))
        return F.relu(y + self.skip(x))


class FeatureMaps(nn.Module):
    """A picture -> a vector for each place of the last grid, row by row (Carion et al. 2020, section 3.2)."""

    def __init__(self, s: Features, dim: int):
        super().__init__()
        self.spec = s
        self.stem = Filter(s.channels, s.stem, 7, stride=2)
        last = len(s.depths) - 1
        self.stages = nn.ModuleList(
            _stage(s, given, made, depth, first=i == 0, dilated=s.dilated and i == last)
            for i, ((given, made), depth) in enumerate(zip(pairwise((s.stem, *s.widths)), s.depths, strict=True))
        )
        self.map = nn.Conv2d(s.widths[-1], dim, 1)
        for block in self.modules():                                 # frozen norms keep nothing in bounds: the sum of branches has to be
            if isinstance(block, ResidualBlock):
                block.steps[-1].norm.weight.fill_(sum(s.depths) ** -0.5)      # pyright: ignore

    def forward(self, picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n m"]:
        """(b c h w) -> (b n m). Raises InputError for a picture with another number of channels, or without a pixel."""
        if picture.shape[1] != self.spec.channels or not picture.shape[2:].numel():
            have = " x ".join(map(str, picture.shape[1:]))
            raise InputError(f"the model reads pictures of {self.spec.channels} channels: got {have}.", "Make it ready first.")
        x = F.relu(self.stem(picture.to(self.map.weight.dtype)))
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in self.stages:
            x = stage(x)
        return self.map(x).flatten(2).mT                                                  # (b m r c) -> (b rc m)


def _stage(s: Features, given: int, made: int, depth: int, *, first: bool, dilated: bool) -> nn.Sequential:
    """Its first block halves the grid, but for the first stage's; a dilated one has filters that stand apart in its place, from its
    second block on."""
    head = ResidualBlock(s, given, made, stride=1 if first or dilated else 2)
    rest = [ResidualBlock(s, made, made, apart=2 if dilated else 1) for _ in range(depth - 1)]
    return nn.Sequential(head, *rest)
