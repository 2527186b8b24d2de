"""Vectors replaced by the nearest of a table: the codec of VQGAN (Esser et al. 2021, section 3.1, and table 7 of its appendix)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .. import ops
from ..errors import TaskError
from ..spec import Quantised as Spec
from .checks import check_codes, check_pictures


@dataclass(frozen=True, eq=False)
class Nearest:
    """What is learnt from. `drawn`: pictures from the nearest vectors, through which gradients reach the encoder as if nothing had been
    replaced; `loss`: what the table and the vectors pay for standing apart (equation 4; van den Oord et al. 2017, equation 3)."""

    codes: Int[Tensor, "b n"]
    drawn: Float[Tensor, "b c h w"]
    loss: Float[Tensor, ""]


class Block(nn.Module):
    """x + two convolutions, each after a norm of groups of channels (Wu and He 2018) and a bend."""

    def __init__(self, s: Spec, given: int, made: int):
        super().__init__()
        self.first_norm, self.first = _norm(s, given), nn.Conv2d(given, made, 3, padding=1)
        self.second_norm, self.second = _norm(s, made), nn.Conv2d(made, made, 3, padding=1)
        self.skip = nn.Conv2d(given, made, 1) if given != made else nn.Identity()

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k h w"]:
        """(b c h w) -> (b k h w)."""
        y = self.first(F.silu(self.first_norm(x)))
        return self.skip(x) + self.second(F.silu(self.second_norm(y)))


class Look(nn.Module):
    """x + what each place takes from all others, with one head as wide as the channels."""

    def __init__(self, s: Spec, dim: int):
        super().__init__()
        self.norm = _norm(s, dim)
        self.q, self.k, self.v, self.o = (nn.Conv2d(dim, dim, 1) for _ in range(4))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """(b c h w) -> (b c h w)."""
        h = self.norm(x)
        q, k, v = (each(h).flatten(2).mT[:, None] for each in (self.q, self.k, self.v))       # (b c r k) -> (b 1 rk c)
        seen = ops.attend(q, k, v)[:, 0].mT.unflatten(-1, x.shape[2:])
        return x + self.o(seen)


class Stage(nn.Module):
    """Blocks on a grid of one size, perhaps each with a look around, then half or twice the grid where `resize` does so."""

    def __init__(self, s: Spec, given: int, made: int, *, blocks: int, looks: bool, resize: nn.Module | None):
        super().__init__()
        self.blocks = nn.ModuleList(Block(s, a, b) for a, b in pairwise((given, *[made] * blocks)))
        self.looks = nn.ModuleList(Look(s, made) for _ in range(blocks * looks))
        self.resize = resize

    def forward(self, x: Float[Tensor, "b c h w"]) -> Tensor:
        """(b c h w) -> (b k h2 w2)."""
        for i, block in enumerate(self.blocks):
            x = block(x)
            x = self.looks[i](x) if self.looks else x
        return x if self.resize is None else self.resize(x)


class Shrink(nn.Module):
    """Half the grid: a filter of three at every other place, beyond the right and the lower edge too."""

    def __init__(self, dim: int):
        super().__init__()
        self.map = nn.Conv2d(dim, dim, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """(b c h w) -> (b c h/2 w/2)."""
        return self.map(F.pad(x, (0, 1, 0, 1)))


class Grow(nn.Module):
    """Twice the grid: each place four times, then a filter."""

    def __init__(self, dim: int):
        super().__init__()
        self.map = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """(b c h w) -> (b c 2h 2w)."""
        return self.map(F.interpolate(x, scale_factor=2, mode="nearest"))


class Encoder(nn.Module):
    """A picture -> a vector for each place of the codes' grid."""

    def __init__(self, s: Spec):
        super().__init__()
        last, widths = len(s.stages) - 1, s.widths
        self.first = nn.Conv2d(s.channels, s.width, 3, padding=1)
        self.stages = nn.ModuleList(
            Stage(s, a, b, blocks=s.blocks, looks=i in s.looks, resize=Shrink(b) if i < last else None)
            for i, (a, b) in enumerate(pairwise((s.width, *widths)))
        )
        self.middle = _middle(s)
        self.norm, self.last = _norm(s, widths[-1]), nn.Conv2d(widths[-1], s.dim, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d r k"]:
        """(b c h w) -> (b d r k)."""
        x = self.first(x)
        for stage in self.stages:
            x = stage(x)
        return self.last(F.silu(self.norm(self.middle(x))))


class Decoder(nn.Module):
    """A vector for each place of the codes' grid -> a picture. Its stages have one block more than the encoder's."""

    def __init__(self, s: Spec):
        super().__init__()
        last, widths = len(s.stages) - 1, s.widths[::-1]
        self.first = nn.Conv2d(s.dim, widths[0], 3, padding=1)
        self.middle = _middle(s)
        self.stages = nn.ModuleList(
            Stage(s, a, b, blocks=s.blocks + 1, looks=last - i in s.looks, resize=Grow(b) if i < last else None)
            for i, (a, b) in enumerate(pairwise((widths[0], *widths)))
        )
        self.norm, self.last = _norm(s, widths[-1]), nn.Conv2d(widths[-1], s.channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b d r k"]) -> Float[Tensor, "b c h w"]:
        """(b d r k) -> (b c h w)."""
        x = self.middle(self.first(x))
        for stage in self.stages:
            x = stage(x)
        return self.last(F.silu(self.norm(x)))


class Quantised(nn.Module):
    """An encoder, a table, and a decoder; `before` and `after`: maps of single vectors on either side of the table."""

    def __init__(self, s: Spec):
        super().__init__()
        self.spec = s
        self.encoder = Encoder(s) if s.reads else None
        self.before = nn.Conv2d(s.dim, s.dim, 1) if s.reads else None
        self.table = nn.Embedding(s.count, s.dim)
        nn.init.uniform_(self.table.weight, -1 / s.count, 1 / s.count)
        self.after = nn.Conv2d(s.dim, s.dim, 1)
        self.decoder = Decoder(s)

    def vectors(self, pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n d"]:
        """Pictures -> the vectors that codes are found for, row by row. Raises as `encode` does."""
        if self.encoder is None or self.before is None:
            raise TaskError("this codec draws pictures and reads none: it was published without its encoder.", "Train one that reads.")
        check_pictures(self.spec, pictures)
        x = pictures * 2 - 1 if self.spec.signed else pictures
        return self.before(self.encoder(x.to(self.table.weight.dtype))).flatten(2).mT         # (b d r k) -> (b rk d)

    def encode(self, pictures: Float[Tensor, "b c h w"]) -> Int[Tensor, "b n"]:
        """The nearest code of each place (equation 2). See the package."""
        return self._nearest(self.vectors(pictures))

    def decode(self, codes: Int[Tensor, "b n"]) -> Float[Tensor, "b c h w"]:
        """The picture of them. See the package."""
        check_codes(self.spec, codes)
        return self._drawn(self.table(codes)).clamp(0, 1)

    def nearest(self, pictures: Float[Tensor, "b c h w"]) -> Nearest:
        """Pictures there and back, to learn from; what is drawn may leave 0 to 1."""
        seen = self.vectors(pictures)
        codes = self._nearest(seen.detach())
        found = self.table(codes)
        loss = F.mse_loss(found, seen.detach()) + self.spec.commitment * F.mse_loss(seen, found.detach())
        return Nearest(codes, self._drawn(seen + (found - seen).detach()), loss)

    @torch.no_grad()
    def revive(
        self, pictures: Float[Tensor, "b c h w"], *, used: Int[Tensor, " v"] | None = None, noise: torch.Generator | None = None
    ) -> int:
        """Codes that were `used` for nothing (by default: that are nearest to no vector of these pictures) begin anew, each at one of the
        pictures' vectors (Dhariwal et al. 2020, section 3.1), drawn by the square of how far it is from its code: what has no code yet
        comes first (Arthur and Vassilvitskii 2007, section 2.2). -> how many did. For between steps of training."""
        seen = self.vectors(pictures).flatten(0, 1)
        codes = self._nearest(seen)
        idle = ((codes.bincount(minlength=self.spec.count) if used is None else used) == 0).nonzero()[:, 0]
        far = (seen - self.table(codes)).square().sum(-1).float().cpu()
        drawn = torch.multinomial(far.clamp(min=torch.finfo(far.dtype).tiny), max(1, len(idle)), replacement=True, generator=noise)
        self.table.weight[idle] = seen[drawn[: len(idle)].to(seen.device)].to(self.table.weight.dtype)
        return len(idle)

    def _nearest(self, seen: Float[Tensor, "*n d"]) -> Int[Tensor, "*n"]:
        """By squared distances, less what is the same for all codes."""
        table = self.table.weight
        return (table.square().sum(-1) - 2 * seen @ table.T).argmin(-1)

    def _drawn(self, vectors: Float[Tensor, "b n d"]) -> Float[Tensor, "b c h w"]:
        x = self.decoder(self.after(vectors.mT.unflatten(-1, self.spec.grid)))
        return ((x + 1) / 2 if self.spec.signed else x).float()


def _norm(s: Spec, channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(s.groups, channels, eps=s.eps)


def _middle(s: Spec) -> nn.Sequential:
    """On the grid of the codes."""
    wide = s.widths[-1]
    return nn.Sequential(Block(s, wide, wide), Look(s, wide), Block(s, wide, wide))
