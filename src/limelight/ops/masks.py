"""Masks as predicates on slots, composed with & | ~. True means *may attend*.

A slot is an index on the key axis: the cache's first key is slot 0 whatever its position. Because masks compare slots,
cached decoding and left padding need no special case: `causal.dense(queries=arange(7, 8), keys=arange(8))` is one row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..errors import InputError

Rule = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Mask:
    """`rule(i, j)` takes query slots (q 1) and key slots (1 k) and gives a bool (q k), or (b q k) where rows differ."""

    rule: Rule
    name: str = "custom"

    def __and__(self, other: Mask) -> Mask:
        return Mask(lambda i, j: self.rule(i, j) & other.rule(i, j), f"({self.name} & {other.name})")

    def __or__(self, other: Mask) -> Mask:
        return Mask(lambda i, j: self.rule(i, j) | other.rule(i, j), f"({self.name} | {other.name})")

    def __invert__(self) -> Mask:
        return Mask(lambda i, j: ~self.rule(i, j), f"~{self.name}")

    def dense(self, queries: Int[Tensor, " q"], keys: Int[Tensor, " k"]) -> Bool[Tensor, "_ 1 q k"]:
        """The mask as a tensor (b|1 1 q k) for these slots."""
        seen = self.rule(queries[:, None], keys[None, :])
        seen = seen.expand(*seen.shape[:-2], len(queries), len(keys))
        return seen[None, None] if seen.ndim == 2 else seen[:, None]


everything = Mask(lambda i, j: (i >= 0) & (j >= 0), "everything")
causal = Mask(lambda i, j: j <= i, "causal")


def window(size: int) -> Mask:
    """Keys fewer than `size` slots away, on either side (Beltagy et al. 2020, section 3.1)."""
    if size < 1:
        raise InputError(f"a window holds at least one slot: got {size}.", "Give window(1) or more.")
    return Mask(lambda i, j: (i - j).abs() < size, f"window({size})")


def prefix(lengths: Int[Tensor, " b"]) -> Mask:
    """The first `lengths` slots of each row, which all may see (prefix language models: Raffel et al. 2020, figure 3).

    Compose as `causal | prefix(lengths)`.
    """
    return Mask(lambda i, j: (j < lengths.to(j.device)[:, None, None]) & (i >= 0), "prefix")


def padding(keep: Bool[Tensor, "b k"]) -> Mask:
    """Only real tokens: `keep` is True on them."""
    return Mask(lambda i, j: keep[:, j[0]][:, None, :] & (i >= 0), "padding")


def document(ids: Int[Tensor, "b k"]) -> Mask:
    """Only slots of the same document, for several short texts packed into one row."""
    return Mask(lambda i, j: ids[:, i[:, 0]][:, :, None] == ids[:, j[0]][:, None, :], "document")


def behind(length: int, pattern: Mask) -> Mask:
    """The first `length` slots, which all may see, and of a grid behind them what its own `pattern` says, its places counted from 0."""
    return Mask(
        lambda i, j: (j < length) | ((i >= length) & (j >= length) & pattern.rule(i - length, j - length)),
        f"behind({length}, {pattern.name})",
    )


def along_rows(columns: int) -> Mask:
    """Of a grid, row by row: its place, and as many before it as a row has, whatever row they are in (Ramesh et al. 2021, figure 11a)."""
    return Mask(lambda i, j: (i >= j) & (i - j <= columns), f"along_rows({columns})")


def down_columns(columns: int) -> Mask:
    """Of a grid, row by row: its place, and those above it (figure 11b)."""
    return Mask(lambda i, j: (i >= j) & ((i - j) % columns == 0), f"down_columns({columns})")


def around(columns: int, size: int) -> Mask:
    """Of a grid, row by row: its place, and those before it that a square of `size` about it holds; what is beyond an end of a row is in
    the next (figure 11d). A key stands so many rows above and so many columns aside, each at most half of the square."""
    far = size // 2

    def rule(i: Tensor, j: Tensor) -> Tensor:
        back = i - j
        above = (-((far - back) // columns)).clamp(min=0)                # rows, the fewest from which it is not too far on the left
        return (back >= 0) & (above <= far) & (above * columns <= back + far)

    return Mask(rule, f"around({columns}, {size})")


def at_positions(mask: Mask, at: Int[Tensor, "b k"]) -> Mask:
    """What a mask says of positions, where slots stand at positions of their own in each row: padding takes slots alone."""
    return Mask(lambda i, j: mask.rule(at[:, i[:, 0]][:, :, None], at[:, j[0]][:, None, :]), f"at_positions({mask.name})")


def hide(scores: Tensor, allow: Bool[Tensor, "..."] | None) -> Tensor:
    """Scores with -inf where one may not attend."""
    return scores if allow is None else scores.masked_fill(~allow, -torch.inf)
