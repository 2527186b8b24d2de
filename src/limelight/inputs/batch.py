"""Batch: what a model is given, whatever the raw material was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..errors import InputError


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows for a model. `values`: token ids (b n), or what pictures and sound are made of; `keep`: True on real tokens, or pixels (b r c),
    None where all of them are; `segments`: which part of its input a token belongs to (a question and its text), None where there is but
    one."""

    values: Tensor
    keep: Bool[Tensor, "b *n"] | None = None
    segments: Int[Tensor, "b n"] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def tokens(self) -> int:
        """How many real tokens there are."""
        return self.values.numel() if self.keep is None else int(self.keep.sum())

    def to(self, device: torch.device | str) -> Batch:
        """The same rows on another device."""
        values, keep, segments = (None if t is None else t.to(device, non_blocking=True) for t in (self.values, self.keep, self.segments))
        return replace(self, values=values, keep=keep, segments=segments)


def pad(
    rows: Sequence[Sequence[int]],
    *,
    filler: int = 0,
    side: Literal["left", "right"] = "right",
    segments: Sequence[Sequence[int]] | None = None,
) -> Batch:
    """Rows of token ids of any lengths -> one rectangle; `keep` is None where nothing had to be filled. `segments`: as long as the rows.

    Raises InputError for no rows, or an empty row.
    """
    if not rows or not all(len(row) for row in rows):
        raise InputError("a batch needs at least one row, and each row a token.", "Leave empty texts out before batching.")
    longest = max(map(len, rows))
    short = [longest - len(row) for row in rows]
    parts = None if segments is None else _filled(segments, short, 0, side)
    if not any(short):
        return Batch(torch.tensor([list(row) for row in rows]), segments=parts)
    slots = torch.arange(longest)
    gap = torch.tensor(short)[:, None]
    return Batch(_filled(rows, short, filler, side), slots >= gap if side == "left" else slots < longest - gap, parts)


def _filled(rows: Sequence[Sequence[int]], short: Sequence[int], filler: int, side: Literal["left", "right"]) -> Tensor:
    left = side == "left"
    return torch.tensor([[filler] * s + list(row) if left else list(row) + [filler] * s for row, s in zip(rows, short, strict=True)])
