"""A discrete variational autoencoder: codes with chances, learnt through a softened draw (Ramesh et al. 2021, appendix A)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..spec import DiscreteVAE as Spec
from .checks import check_codes, check_pictures

TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True, eq=False)
class Relaxed:
    """What is learnt from. `unlikely`: minus the logarithm of the pictures' density, `far`: how far the codes' chances are from all being
    equal (Kullback and Leibler's divergence), each summed over a picture, in nats (b). Their sum is minus the evidence lower bound, the
    latter weighted as one likes (equation 1)."""

    unlikely: Float[Tensor, " b"]
    far: Float[Tensor, " b"]
    drawn: Float[Tensor, "b c h w"]


class Bottleneck(nn.Module):
    """x + a share of what four convolutions make of it, on a quarter of the channels (appendix A.1; the share as in the published code)."""

    def __init__(self, given: int, made: int, *, share: float, narrow_first: bool):
        super().__init__()
        few, self.share = made // 4, share
        sizes = (1, 3, 3, 3) if narrow_first else (3, 3, 3, 1)
        self.steps = nn.ModuleList(_conv(a, b, n) for a, b, n in zip((given, few, few, few), (few, few, few, made), sizes, strict=True))
        self.skip = _conv(given, made, 1) if given != made else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """(b c h w) -> (b k h w)."""
        y = x
        for step in self.steps:
            y = step(F.relu(y))
        return self.skip(x) + self.share * y


class DiscreteVAE(nn.Module):
    """An encoder and a decoder of convolutions. Largest numbers are taken as the grid is halved, nearest ones as it grows."""

    def __init__(self, s: Spec):
        super().__init__()
        self.spec = s
        share, back = 1 / (len(s.stages) * s.blocks) ** 2, s.widths[::-1]
        self.first = _conv(s.channels, s.widths[0], 7)
        self.down = nn.ModuleList(_stage(a, b, s.blocks, share, narrow_first=False) for a, b in pairwise((s.widths[0], *s.widths)))
        self.chances = _conv(s.widths[-1], s.count, 1)
        self.begin = _conv(s.count, s.narrow, 1)
        self.up = nn.ModuleList(_stage(a, b, s.blocks, share, narrow_first=True) for a, b in pairwise((s.narrow, *back)))
        self.last = _conv(s.widths[0], 2 * s.channels, 1)

    def logits(self, pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b v r k"]:
        """Pictures -> unnormalised log-chances of each code at each place (b codes rows columns). Raises InputError for another size."""
        check_pictures(self.spec, pictures)
        x = self.first(self._inwards(pictures).to(self.first.weight.dtype))
        for i, stage in enumerate(self.down):
            x = stage(x if i == 0 else F.max_pool2d(x, 2))
        return self.chances(F.relu(x))

    def encode(self, pictures: Float[Tensor, "b c h w"]) -> Int[Tensor, "b n"]:
        """The likeliest code of each place. See the package."""
        return self.logits(pictures).argmax(1).flatten(1)

    def decode(self, codes: Int[Tensor, "b n"]) -> Float[Tensor, "b c h w"]:
        """The picture of them. See the package."""
        check_codes(self.spec, codes)
        begun = F.embedding(codes, self.begin.weight[:, :, 0, 0].T).mT.unflatten(-1, self.spec.grid)      # a code's column of the map
        middle, _ = self._drawn(begun if self.begin.bias is None else begun + self.begin.bias[:, None, None])
        return self._outwards(middle)

    def relaxed(
        self, pictures: Float[Tensor, "b c h w"], temperature: float, *, noise: torch.Generator | None = None
    ) -> Relaxed:
        """Pictures through soft draws of their codes (Jang et al. 2017; Maddison et al. 2017): the lower the temperature, the nearer to
        one code a place. Pixels have the density of a Laplace distribution behind a sigmoid (appendix A.3, equation 2)."""
        logits = self.logits(pictures)
        chance = torch.empty_like(logits).exponential_(generator=noise).clamp_(min=TINY)
        soft = ((logits - chance.log()) / temperature).softmax(1)
        middle, spread = self._drawn(self.begin(soft))
        x = self._inwards(pictures)
        apart = (x.logit() - middle).abs() * (-spread).exp()
        unlikely = apart + spread + math.log(2) + x.log() + (-x).log1p()
        logs = logits.log_softmax(1)
        far = (logs.exp() * (logs + math.log(self.spec.count))).sum((1, 2, 3))
        return Relaxed(unlikely.sum((1, 2, 3)), far, self._outwards(middle))

    def _drawn(self, x: Float[Tensor, "b m r k"]) -> tuple[Tensor, Tensor]:
        """The middle of each pixel's distribution, and the logarithm of its spread."""
        for i, stage in enumerate(self.up):
            x = stage(x if i == 0 else F.interpolate(x, scale_factor=2, mode="nearest"))
        middle, spread = self.last(F.relu(x)).float().chunk(2, 1)
        return middle, spread

    def _inwards(self, pictures: Tensor) -> Tensor:
        return pictures.float() * (1 - 2 * self.spec.edge) + self.spec.edge

    def _outwards(self, middle: Tensor) -> Tensor:
        return ((middle.sigmoid() - self.spec.edge) / (1 - 2 * self.spec.edge)).clamp(0, 1)


def _conv(given: int, made: int, size: int) -> nn.Conv2d:
    """The grid keeps its size. Weights begin so that the sum over what a filter reads is as large as one number of it."""
    conv = nn.Conv2d(given, made, size, padding=size // 2)
    nn.init.normal_(conv.weight, std=(given * size * size) ** -0.5)
    nn.init.zeros_(conv.bias)                                                              # pyright: ignore[reportArgumentType]
    return conv


def _stage(given: int, made: int, blocks: int, share: float, *, narrow_first: bool) -> nn.Sequential:
    sizes = pairwise((given, *[made] * blocks))
    return nn.Sequential(*(Bottleneck(a, b, share=share, narrow_first=narrow_first) for a, b in sizes))
