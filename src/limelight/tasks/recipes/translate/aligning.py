"""Which attention aligns words: measured on gold alignments, not guessed, and not an average of all heads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ....errors import InputError, TaskError
from ....hub import Opened
from ....inputs import Encoded, pad
from ....look import trace
from ....look.align import Alignment, align, error_rate, unfaded
from ....manifest import Aligner
from .gold import Gold, written

Words = tuple[list[tuple[int, int]], list[tuple[int, int]]]


@dataclass(frozen=True, eq=False)
class Forced:
    """A given translation that the model was led through: what every cross-attention did, and which characters are what."""

    source: Encoded
    target: Encoded
    words: Words
    weights: dict[str, Float[Tensor, "h q k"]]

    def aligned(self, attention: str, heads: Sequence[int], shift: int) -> Alignment:
        """The words aligned by these heads; with `shift` 1 a token is aligned by the step that has it as input."""
        mean = self.weights[attention][list(heads)].mean(0)
        rows = [min(i + shift, len(mean) - 1) for i in range(len(mean))]
        return align(
            mean[rows],
            source=self.source.text,
            target=self.target.text,
            source_pieces=self.source.offsets,
            target_pieces=self.target.offsets,
            words=self.words,
        )


@torch.inference_mode()
def force(opened: Opened, source: str, target: str, words: Words) -> Forced:
    """Lead the model through a given translation and keep what its cross-attentions did."""
    text, g = opened.text, opened.manifest.generation
    a, b = text.encode_all([source, target])
    before = torch.tensor([[g.start or 0, *b.ids[:-1]]], device=opened.device)
    with trace(opened.model, layers="decoder.*.cross", budget="1GB") as seen:
        opened.model.decode(before, memory=opened.model.encode(pad([a.ids], filler=g.pad).to(opened.device)))
    made = opened.model.attentions()
    return Forced(a, b, words, {name: unfaded(seen[name].weights()[0], made[name].spec).cpu() for name in seen})


def force_gold(opened: Opened, gold: Iterable[Gold]) -> list[Forced]:
    """Lead the model through gold pairs."""
    languages = (opened.manifest.source_language or "", opened.manifest.target_language or "")
    out = []
    for pair in gold:
        source, from_words = written(pair.source, languages[0])
        target, to_words = written(pair.target, languages[1])
        out.append(force(opened, source, target, (from_words, to_words)))
    return out


def choose_aligner(opened: Opened, gold: Sequence[Gold], *, measured_on: str, choose_on: int = 100) -> Aligner:
    """The layer, heads and shift with the lowest error on the first `choose_on` pairs, and their error on all the others.

    For each layer and shift the best single head is taken, and others of its layer join it one by one as long as the error falls.
    Raises InputError where no pairs are left to measure the choice on.
    """
    if not 0 < choose_on < len(gold):
        raise InputError(f"{len(gold)} gold pairs, {choose_on} of them to choose by: none are left to measure on.", "Choose on fewer.")
    forced = force_gold(opened, gold)
    chosen, held = _Judge(forced[:choose_on], gold[:choose_on]), _Judge(forced[choose_on:], gold[choose_on:])
    grown = [_grown(name, shift, len(weights), chosen) for name, weights in forced[0].weights.items() for shift in (0, 1)]
    best = min(grown, key=chosen.error)
    return Aligner(**best._asdict(), aer=round(held.error(best), 4), pairs=len(gold) - choose_on, measured_on=measured_on)


def _grown(attention: str, shift: int, heads: int, judge: _Judge) -> _Way:
    """The heads of one layer that err least together, found one by one."""
    best = min((_Way(attention, (h,), shift) for h in range(heads)), key=judge.error)
    while True:
        wider = [best._replace(heads=tuple(sorted((*best.heads, h)))) for h in range(heads) if h not in best.heads]
        better = min(wider, key=judge.error, default=best)
        if judge.error(better) >= judge.error(best):
            return best
        best = better


def own_error(opened: Opened, gold: Sequence[Gold]) -> float:
    """The alignment error rate of the model's own aligner on gold pairs. Raises TaskError where it has none."""
    a = opened.manifest.aligner
    if a is None:
        raise TaskError(f"the model {opened.manifest.name} has no aligner to measure.", "Train it with an [align] part in its recipe.")
    return _Judge(force_gold(opened, gold), gold).error(_Way(a.attention, a.heads, a.shift))


class _Way(NamedTuple):
    """One way to align."""

    attention: str
    heads: tuple[int, ...]
    shift: int


class _Judge:
    """The error of a way to align, on some gold pairs; each way is measured once."""

    def __init__(self, forced: Sequence[Forced], gold: Sequence[Gold]):
        self._forced, self._gold = forced, gold
        self._known: dict[_Way, float] = {}

    def error(self, way: _Way) -> float:
        """Alignment error rate."""
        if way not in self._known:
            found = [each.aligned(*way).links for each in self._forced]
            self._known[way] = error_rate(found, [g.sure for g in self._gold], [g.possible for g in self._gold])
        return self._known[way]
