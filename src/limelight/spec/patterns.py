"""Patterns: where on its grid a place that is drawn looks, besides at the text ahead of it (Ramesh et al. 2021, appendix B.1).

Places of the grid are counted in the order that they are drawn in, row by row; a pattern says how far back a place sees. Ends of rows are
not heeded: what lies left of a row's first place is the last of the row above.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .positions import Captioned, Count


@value
class AlongRows:
    """Itself and as many places before it as a row has: back to the one right above."""

    kind: Literal["along_rows"] = "along_rows"


@value
class DownColumns:
    """Itself and all places above it in its column."""

    kind: Literal["down_columns"] = "down_columns"


@value
class Around:
    """The places before it of a square of `size` rows and columns that it is in the middle of: the pattern of a convolution."""

    kind: Literal["around"] = "around"
    size: Count

    def __post_init__(self) -> None:
        if self.size % 2 == 0:
            raise SpecError(f"a square with a place in its middle has an odd number of rows: got size={self.size}.",
                            f"Use size={self.size + 1}.")


Pattern = Annotated[AlongRows | DownColumns | Around, Field(discriminator="kind")]


def alternating(depth: int, *, size: int = 11) -> tuple[Pattern, ...]:
    """The patterns of a stack of `depth` layers as Ramesh et al. 2021 have them (appendix B.1): every fourth layer, from the second on,
    looks down columns, the last looks around, all others along rows."""
    usual = [DownColumns() if layer % 4 == 1 else AlongRows() for layer in range(depth - 1)]
    return (*usual, Around(size=size))


def check_patterns(patterns: tuple[Pattern | None, ...], position: object, depth: int) -> None:
    """Raises SpecError where patterns are not for each layer of a stack, or there is no grid behind a text that they could be of."""
    if patterns and len(patterns) != depth:
        raise SpecError(f"patterns are for each of {depth} layers: got {len(patterns)}.", "Give one (or None) a layer.")
    if any(patterns) and not isinstance(position, Captioned):
        raise SpecError(f"patterns are of a grid behind a text: got position={getattr(position, 'kind', None)}.",
                        "Use position=Captioned(text=..., rows=..., columns=...), or drop patterns.")
