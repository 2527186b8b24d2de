"""Pruned: heads that were taken out of a layer, so that layers differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .attention import Attention

Number = Annotated[int, Field(ge=0)]


@value
class Pruned:
    """The heads that one attention has lost, by their numbers among all that its stack's spec names (Michel et al. 2019, section 4)."""

    layer: Number
    part: Literal["self", "cross"] = "self"
    heads: Annotated[tuple[Number, ...], Field(min_length=1)]

    @property
    def name(self) -> str:
        """As attentions are named within their stack: "3.cross"."""
        return f"{self.layer}.{self.part}"

    def left(self, whole: Attention) -> tuple[int, ...]:
        """The heads that stay. Raises SpecError for one that is not there, for none left, and where groups would differ in size."""
        gone, size = set(self.heads), whole.heads // whole.groups
        if odd := sorted(head for head in gone if head >= whole.heads):
            raise SpecError(f"{self.name} has {whole.heads} heads, 0 to {whole.heads - 1}: got {odd[0]}.", "Name heads that are there.")
        if len(gone) < len(self.heads):
            raise SpecError(f"{self.name} loses a head once: got {list(self.heads)}.", "Name each head once.")
        kept = tuple(head for head in range(whole.heads) if head not in gone)
        if not kept:
            raise SpecError(f"an attention keeps a head at least: {self.name} would lose all of its {whole.heads}.", "Leave one.")
        sizes = {group: sum(head // size == group for head in kept) for group in range(whole.groups)}
        if len(set(sizes.values()) - {0}) > 1:
            told = ", ".join(str(count) for count in sizes.values())
            raise SpecError(f"heads that share keys stay in equal numbers, or go together: {self.name} would keep {told}, of {size} each.",
                            "Take as many out of every group of keys that stays.")
        return kept

    def remains(self, whole: Attention, dim: int) -> Attention:
        """The attention without them, in a model of width `dim`."""
        kept, size = self.left(whole), whole.heads // whole.groups
        groups = len({head // size for head in kept})
        return replace(whole, heads=len(kept), kv_heads=None if whole.kv_heads is None else groups, head_dim=whole.width(dim))
