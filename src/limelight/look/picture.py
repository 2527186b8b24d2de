"""Picture: what an attention picture shows, as plain data. No torch, no drawing: words, weights, links and a number to trust them by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import Field

from ..errors import SpecError
from ..values import parse, plain, value

Matrix = tuple[tuple[float, ...], ...]
Said = Annotated[str, Field(min_length=1)]
DIGITS = 4


class Look(NamedTuple):
    """One source word as a target word saw it: its column, its weight, and whether the two are aligned."""

    column: int
    weight: float
    linked: bool


@value
class Subwords:
    """The same sentence pair as the model saw it. `weights`: by head's name, a matrix of target tokens (rows) x source tokens."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: dict[str, Matrix]

    def __post_init__(self) -> None:
        if not self.weights:
            raise SpecError("tokens: got no head to show, wanted at least one.", "Leave tokens out, or name a head in weights.")
        for name, matrix in self.weights.items():
            _check_matrix(f"tokens.weights[{name!r}]", matrix, rows=len(self.target), columns=len(self.source))


@value
class Picture:
    """Who looked at whom. `weights`: target words (rows) x source words (columns), each row a share of at most 1.

    What a row lacks to 1 went to tokens that are no words (the end mark). `links`: (source i, target j), the word alignment.
    `how`: which heads, and what was done to them. `trust`: the measured number for how far to trust it, never empty.
    `seconds`: how long the model took. `tokens`: the same before sub-words were merged.

    Raises SpecError where sizes disagree, a weight is no share, a link points outside, or `trust` is empty.
    """

    title: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: Matrix
    links: tuple[tuple[int, int], ...]
    how: Said
    trust: Said
    model: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    tokens: Subwords | None = None

    def __post_init__(self) -> None:
        if not self.trust.strip():
            raise SpecError("trust is blank: got no number.", "Say what was measured, such as 'AER 0.31 on 347 Hansards pairs'.")
        _check_matrix("weights", self.weights, rows=len(self.target), columns=len(self.source))
        for i, j in self.links:
            if not (0 <= i < len(self.source) and 0 <= j < len(self.target)):
                raise SpecError(
                    f"links: ({i}, {j}) points outside {len(self.source)} source and {len(self.target)} target words.",
                    "A link is (source index, target index), both counted from 0.",
                )

    def looks(self, row: int, *, floor: float = 0.05, most: int = 5) -> list[Look]:
        """The source words that target word `row` saw best, best first: at least the best, then those of weight >= floor.

        A linked word is always among them, whatever its weight.
        """
        linked = {i for i, j in self.links if j == row}
        ranked = sorted(
            (Look(i, weight, i in linked) for i, weight in enumerate(self.weights[row])), key=lambda look: (-look.weight, look.column)
        )
        return [look for rank, look in enumerate(ranked) if look.linked or rank == 0 or (look.weight >= floor and rank < most)]


def to_json(picture: Picture) -> str:
    """The picture as one line of JSON; weights are rounded to four digits, which is finer than any eye and keeps pages small."""
    data = plain(picture)
    data["weights"] = _rounded(picture.weights)
    if picture.tokens is None:
        del data["tokens"]
    else:
        data["tokens"]["weights"] = {name: _rounded(matrix) for name, matrix in picture.tokens.weights.items()}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()   # half a surrogate pair, as a badly decoded argument brings it, is no text


def from_json(text: str, *, where: str = "picture") -> Picture:
    """Read a picture back. Raises SpecError for text that is not JSON, an unknown key or sizes that disagree."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"{where}: not JSON: {error}") from None
    return parse(Picture, data, where=where)


def _rounded(matrix: Matrix) -> list[list[float | int]]:
    return [[round(weight, DIGITS) or 0 for weight in row] for row in matrix]   # 0 is half as long as 0.0


def _check_matrix(name: str, matrix: Sequence[Sequence[float]], *, rows: int, columns: int) -> None:
    if not rows or not columns:
        raise SpecError(f"{name}: got {rows} target and {columns} source words, wanted at least one of each.")
    if len(matrix) != rows:
        raise SpecError(f"{name}: got {len(matrix)} rows, wanted one for each of {rows} target words.")
    most = 1 + 1e-3 + columns * 0.5 * 10**-DIGITS   # bf16 sums and rounding to DIGITS may step over 1 by this much
    for j, row in enumerate(matrix):
        if len(row) != columns:
            raise SpecError(f"{name}: row {j} has {len(row)} weights, wanted one for each of {columns} source words.")
        if not all(weight >= 0 for weight in row):   # so written, a NaN fails too
            raise SpecError(f"{name}: row {j} holds a weight that is negative or no number.", "Weights are shares: 0 to 1.")
        if not sum(row) <= most:
            hint = "Give weights after the softmax, one row a target word."
            raise SpecError(f"{name}: row {j} sums to {sum(row):.4f}, wanted at most 1.", hint)
