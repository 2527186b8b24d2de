"""Pointing: how much a pronoun attends to each of its candidates, head by head, and whether that says what the likelihood says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ...hub import Opened
from ...inputs import Encoded
from ...look import View
from ...nn import Attention, Look
from ...nn.eyes import unwatch, watch
from ..asking import in_batches
from ..reading.rows import as_batch

BUDGET = 1 << 30                         # bytes of the weights of one pronoun in one layer
DIGITS = 6


@dataclass(frozen=True)
class Head:
    """One head, counted from 0, and its attention to each candidate."""

    layer: int
    head: int
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Pointing:
    """The attention from a pronoun's tokens (their mean) to each candidate's mentions (their sum), where candidates are in the order of
    likelihood. `layers`: the mean of each layer's heads; `agreements`: for each layer, the share of pairs of candidates that it ranks as
    the likelihood does; `agreement`: the same over all heads, each by itself, where chance is 0.5; `heads`: how many there are; `best`:
    the head that favours the likeliest most, which of many heads some must."""

    layers: tuple[tuple[float, ...], ...]
    agreements: tuple[float, ...]
    agreement: float
    heads: int
    best: Head

    @property
    def trust(self) -> str:
        """How far the attention can be trusted, for people."""
        agree = [str(i) for i, share in enumerate(self.agreements) if share == 1]
        layers = f"layer{'s' * (len(agree) > 1)} {', '.join(agree)}" if agree else "no layer"
        return (
            f"attention: {self.agreement:.0%} agreement with the likelihood over {self.heads} heads (chance is 50%); "
            f"wholly in {layers} (of {len(self.agreements)}, counted from 0)"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "layers": [[round(each, DIGITS) for each in row] for row in self.layers],
            "layer_agreement": [round(each, DIGITS) for each in self.agreements],
            "agreement": round(self.agreement, DIGITS),
            "heads": self.heads,
            "best_head": {"layer": self.best.layer, "head": self.best.head, "weights": [round(w, DIGITS) for w in self.best.weights]},
            "trust": self.trust,
        }


@dataclass(frozen=True, eq=False)
class Aim:
    """A text, the tokens of its pronoun, and those of each candidate's mentions."""

    encoded: Encoded
    pronoun: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]


@torch.inference_mode()
def attend_all(opened: Opened, aims: Sequence[Aim], *, batch: int) -> list[Float[Tensor, "l h c"]]:
    """For each aim, the attention from its pronoun to each candidate, in each head of each layer."""
    found: dict[int, Tensor] = {}
    for places in in_batches([len(aim.encoded.ids) for aim in aims], batch):
        rows = [aims[place] for place in places]
        batch_of = as_batch(opened, [row.encoded for row in rows])
        with _readers(opened, rows) as readers:
            if opened.model.encoder is not None:
                opened.model.encode(batch_of)
            else:
                opened.model.decode(batch_of.values, keep=batch_of.keep)
        for row, place in enumerate(places):
            found[place] = torch.stack([reader.found[row] for reader in readers])
    return [found[place] for place in range(len(aims))]


class _Reader:
    """Reads what each pronoun gives while one attention runs, in this thread, so that no queries and no keys need be kept."""

    def __init__(self, name: str, aims: Sequence[Aim]):
        self.name, self.aims, self.found = name, aims, list[Tensor]()
        self._owner = threading.get_ident()

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        if threading.get_ident() == self._owner:
            view = View(self.name, (look,), BUDGET)
            self.found = [_to_candidates(view, row, aim) for row, aim in enumerate(self.aims)]


def self_attentions(opened: Opened) -> dict[str, Attention]:
    """The self-attentions of what reads a text: the encoder's where there is one, else the decoder's."""
    side = "decoder" if opened.model.encoder is None else "encoder"
    return {name: each for name, each in opened.model.attentions().items() if name.startswith(f"{side}.") and name.endswith(".self")}


@contextmanager
def _readers(opened: Opened, aims: Sequence[Aim]) -> Iterator[list[_Reader]]:
    """A reader for each self-attention, while the block is open."""
    watched = self_attentions(opened)
    readers = [_Reader(name, aims) for name in watched]
    for reader in readers:
        watch(watched[reader.name], reader)
    try:
        yield readers
    finally:
        for reader in readers:
            unwatch(watched[reader.name], reader)


def _to_candidates(view: View, row: int, aim: Aim) -> Float[Tensor, "h c"]:
    first, last = aim.pronoun[0], aim.pronoun[-1]
    weights = view.weights(queries=slice(first, last + 1), path=(row,))[0].mean(1).cpu()
    return torch.stack([weights[:, list(tokens)].sum(1) for tokens in aim.candidates], 1)


def pointing(weights: Float[Tensor, "l h c"]) -> Pointing:
    """What the attention says of candidates that stand in the order of their likelihood, the likeliest first; two at least."""
    by_head = weights.flatten(0, 1)
    shares = [_agreement(row) for row in by_head.tolist()]
    lead = by_head[:, 0] - by_head[:, 1:].amax(1)
    best = int(lead.argmax())
    layers = weights.mean(1).tolist()
    return Pointing(
        layers=tuple(map(tuple, layers)),
        agreements=tuple(map(_agreement, layers)),
        agreement=sum(shares) / len(shares),
        heads=len(by_head),
        best=Head(best // weights.shape[1], best % weights.shape[1], tuple(by_head[best].tolist())),
    )


def _agreement(weights: Sequence[float]) -> float:
    """The share of pairs in which the first of them, which is the likelier, has more; half a pair where they have the same."""
    pairs = [*combinations(weights, 2)]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)
