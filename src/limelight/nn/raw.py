"""From pictures and sound to vectors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import InputError
from ..spec import Frames, Patches
from .norms import ACTIVATIONS

GELU = ACTIVATIONS["gelu"]


class PatchMap(nn.Module):
    """Each square of a picture -> a vector, row by row, between those that are learnt (Dosovitskiy et al. 2021, equation 1)."""

    def __init__(self, s: Patches, dim: int):
        super().__init__()
        self.spec = s
        self.map = nn.Conv2d(s.channels, dim, s.size, stride=s.size, bias=s.bias)
        self.before = nn.ParameterList(torch.randn(dim) * dim**-0.5 for _ in range(s.before))
        self.after = nn.Parameter(torch.randn(s.after, dim) * dim**-0.5) if s.after else None

    def forward(self, picture: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n m"]:
        """(b c h w) -> (b n m). Raises InputError for another size than the model's, or one that has no square where any size is read."""
        s = self.spec
        fits = picture.shape[1:] == (s.channels, s.rows, s.columns)
        if not fits and not (s.stretched and picture.shape[1] == s.channels and min(picture.shape[2:]) >= s.size):
            have = " x ".join(map(str, picture.shape[1:]))
            raise InputError(f"the model reads pictures of {s.channels} x {s.rows} x {s.columns}: got {have}.", "Resize it first.")
        x = self.map(picture.to(self.map.weight.dtype)).flatten(2).mT              # (b m r c) -> (b rc m)
        before = [each.expand(len(x), 1, -1) for each in self.before]
        after = [] if self.after is None else [self.after.expand(len(x), -1, -1)]
        return torch.cat([*before, x, *after], 1)


def stretched(learnt: Float[Tensor, "l n m"], s: Patches, rows: int, columns: int) -> Float[Tensor, "l k m"]:
    """Vectors of the places of a picture as the model has it -> of one of `rows` x `columns` pixels: those of squares are found between
    the learnt ones (bicubic interpolation; Fang et al. 2021, section 3.1), the others stay."""
    (high, wide), size, end = s.grid, (rows // s.size, columns // s.size), s.before + s.grid[0] * s.grid[1]
    squares = learnt[:, s.before : end].mT.unflatten(-1, (high, wide))                    # (l m r c)
    squares = F.interpolate(squares, size, mode="bicubic", align_corners=False).flatten(2).mT
    return torch.cat((learnt[:, : s.before], squares, learnt[:, end : s.slots]), 1)


class FrameMaps(nn.Module):
    """Frames of sound -> half as many vectors (Radford et al. 2022, section 2.2)."""

    def __init__(self, s: Frames, dim: int):
        super().__init__()
        self.first = nn.Conv1d(s.mels, dim, 3, padding=1)
        self.second = nn.Conv1d(dim, dim, 3, stride=2, padding=1)

    def forward(self, frames: Float[Tensor, "b f n"]) -> Float[Tensor, "b n2 m"]:
        """(b f n) -> (b n/2 m)."""
        x = GELU(self.first(frames.to(self.first.weight.dtype)))
        return GELU(self.second(x)).mT

