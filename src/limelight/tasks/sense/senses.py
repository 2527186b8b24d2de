"""Sensed: how far the vectors of one word lie apart, layer by layer, against how far different words lie apart there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ...look.visible import shorten, visible
from ..reading.places import Span
from ..result import Cells, Result

MOST_PAIRED = 50                         # uses whose pairs are all written out; of more there are thousands
BAR, FULL = 24, 1.0                      # cells of a bar, and the ratio at which it is full
SHOWN, TEXT_SHOWN = 12, 72               # uses that a person is shown, and how much of each text


@dataclass(frozen=True)
class Use:
    """A word in a text. `occurrence`: which, counted from 1, where it stands there several times; `label`: its sense, where known."""

    text: str
    word: str
    occurrence: int = 1
    label: str = ""


@dataclass(frozen=True)
class Layer:
    """One layer: 0 is the word's own vector, before positions and context; the others are what each layer makes of it.

    `distance`: the mean cosine distance between uses; `words`: between different words of the same texts (how far any two vectors lie
    apart there, Ethayarajh 2019), None where there are not two; `nearest`: for each use the one nearest to it, counted from
    0. With labels, `within` and `between`: the mean distance of uses with the same label and with others; `right`: the share of uses whose
    nearest has their label, ties shared out.
    """

    distance: float
    words: float | None
    nearest: tuple[int, ...]
    within: float | None = None
    between: float | None = None
    right: float | None = None

    @property
    def ratio(self) -> float | None:
        """The distance as a share of that between different words: 0 for one meaning, 1 for as far as any two words."""
        return self.distance / self.words if self.words else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        out = {"distance": self.distance, "words": self.words, "ratio": self.ratio, "nearest": list(self.nearest)}
        return out if self.right is None else {**out, "within": self.within, "between": self.between, "right": self.right}


@dataclass(frozen=True, kw_only=True, eq=False)
class Sensed(Result):
    """A word's uses and how far they lie apart. `spans`: its characters in each text; `distances`: cosine distances, layer by use by use;
    `others`: how many other words there were to compare with; `onward`: whether the model reads from left to right; `measured`:
    how well it tells senses apart where people have named them."""

    uses: tuple[Use, ...]
    spans: tuple[Span, ...]
    layers: tuple[Layer, ...]
    distances: Float[np.ndarray, "l u u"]
    others: int
    onward: bool
    measured: str = ""

    @property
    def chance(self) -> float | None:
        """The share of the commonest label: what is right without looking."""
        labels = [use.label for use in self.uses]
        return max(map(labels.count, set(labels))) / len(labels) if self.layers[-1].right is not None else None

    @property
    def trust(self) -> str:
        """The verdict, with the number that says how far it can be trusted."""
        last, top = len(self.layers) - 1, self.layers[-1]
        if top.ratio is None:
            said = f"layer {last}: {top.distance:.3f} apart; there are no two other words to compare that with"
        else:
            most = max(range(last + 1), key=lambda i: self.layers[i].ratio or 0)
            said = (
                f"layer {last}: {top.distance:.3f} apart, {top.ratio:.2f} of the distance between different words "
                f"({top.words:.3f}, {self.others} words); most in layer {most}: {self.layers[most].ratio:.2f}"
            )
        return said + self._separated() + ("; read from left to right: nothing after the word is known" if self.onward else "")

    def _separated(self) -> str:
        rights = [layer.right for layer in self.layers if layer.right is not None]
        if not rights:
            return ""
        best = max(range(len(rights)), key=lambda i: rights[i])
        last = f"; nearest use of the same sense: {rights[-1]:.0%}, best in layer {best}: {rights[best]:.0%}"
        return f"{last} (always the commonest: {self.chance:.0%})"

    def __str__(self) -> str:
        return "\n".join([*self._texts(), *self._table(), *self._pairs(), self.trust, *filter(None, [visible(self.measured)])])

    def _texts(self) -> list[str]:
        shown = [f"{i:>4}  {shorten(visible(use.text), TEXT_SHOWN)}{_of(use)}" for i, use in enumerate(self.uses[:SHOWN], 1)]
        left = len(self.uses) - len(shown)
        return [*shown, *([f"      and {left} more"] if left else [])]

    def _table(self) -> list[str]:
        labelled = self.chance is not None
        head = "layer   apart   words   ratio" + ("  within between  right" if labelled else "")
        return [head, *(f"{i:>5}  {_row(layer)}" for i, layer in enumerate(self.layers))]

    def _pairs(self) -> list[str]:
        """Where there are few uses but more than two: how far each lies from each in the last layer."""
        if not 2 < len(self.uses) <= SHOWN:
            return []
        rows = (f"{i:>4}" + "".join(f"{each:7.3f}" for each in row) for i, row in enumerate(self.distances[-1].tolist(), 1))
        return [f"layer {len(self.layers) - 1}, each from each", " " * 4 + "".join(f"{i:>7}" for i in range(1, len(self.uses) + 1)), *rows]

    def cells(self) -> Cells:
        """See Result."""
        return {"": self.layers[-1].distance, "ratio": self.layers[-1].ratio}

    def to_json(self) -> dict[str, Any]:
        """See Result; the distances of all pairs where there are at most fifty uses."""
        uses = [{**vars(use), "span": list(span)} for use, span in zip(self.uses, self.spans, strict=True)]
        pairs = {"distances": self.distances.tolist()} if len(self.uses) <= MOST_PAIRED else {}
        layers = [layer.to_json() for layer in self.layers]
        made = {"layers": layers, "other_words": self.others, "chance": self.chance, "trust": self.trust, "measured": self.measured}
        return {"uses": uses, **made, **pairs, **super().to_json()}


def layer_of(distances: Float[np.ndarray, "u u"], words: float | None, labels: Sequence[str]) -> Layer:
    """What one layer says of all uses; `labels`: "" where none are known."""
    count = len(distances)
    others = np.where(np.eye(count, dtype=bool), np.inf, distances)
    pairs = distances[np.triu_indices(count, 1)]
    plain = Layer(float(pairs.mean()), words, tuple(others.argmin(1).tolist()))
    if not all(labels):
        return plain
    alike = np.array(labels)[:, None] == np.array(labels)[None]
    same = alike[np.triu_indices(count, 1)]
    near = others <= others.min(1, keepdims=True) + 1e-12
    right = float(((near & alike).sum(1) / near.sum(1)).mean())
    return Layer(plain.distance, words, plain.nearest, _mean(pairs[same]), _mean(pairs[~same]), right)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _of(use: Use) -> str:
    return f"  [{visible(use.label)}]" if use.label else ""


def _row(layer: Layer) -> str:
    cells = [layer.distance, layer.words, layer.ratio] + ([layer.within, layer.between, layer.right] if layer.right is not None else [])
    numbers = "  ".join("    -" if each is None else f"{each:.3f}".rjust(6) for each in cells)
    bar = "#" * min(BAR, round(BAR * max(0.0, layer.ratio or 0.0) / FULL))
    return f"{numbers}  {bar}".rstrip()
