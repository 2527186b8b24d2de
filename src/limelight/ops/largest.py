"""The largest of a long row."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 64                       # numbers whose largest stands for them all, where rows are long


def largest(rows: Float[Tensor, "*b k"], top: int) -> tuple[Int[Tensor, "*b t"], Float[Tensor, "*b t"]]:
    """Where the `top` largest numbers of each row are, and those numbers, largest first; short rows end in zeros that nobody holds.

    They are among the best blocks, by the best of each: a long row is looked through once, and little is sorted (torch.topk takes four
    times as long on 32,000 numbers).
    """
    count = rows.shape[-1] // BLOCK
    if count <= 2 * top:
        short = max(0, top - rows.shape[-1])
        found, at = F.pad(rows, (0, short)).topk(top, -1)
        return at, found
    whole = rows[..., : count * BLOCK].unflatten(-1, (count, BLOCK))
    blocks = whole.amax(-1).topk(top, -1).indices
    chosen = whole.gather(-2, blocks[..., None].expand(*blocks.shape, BLOCK)).flatten(-2)
    at = (blocks[..., None] * BLOCK + torch.arange(BLOCK, device=rows.device)).flatten(-2)
    rest = torch.arange(count * BLOCK, rows.shape[-1], device=rows.device).expand(*rows.shape[:-1], -1)
    chosen, at = torch.cat((chosen, rows[..., count * BLOCK :]), -1), torch.cat((at, rest), -1)
    found, places = chosen.topk(top, -1)
    return at.gather(-1, places), found
