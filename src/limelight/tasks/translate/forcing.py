"""Forcing: a model led through translations that are given, to see what its cross-attentions do there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError, TaskError
from ...hub import Opened
from ...inputs import Encoded, Text, pad
from ...look import trace
from ...look.align import Alignment, Maps, Span, align, maps_of, merged, unfaded
from ...look.norms import value_norms
from ...look.picture import Subwords
from ..asking import in_batches
from ..writing.writer import Writer
from .alignments import subwords
from .languages import Pair
from .ways import Way, by_norm, shifted

Words = tuple[Sequence[Span], Sequence[Span]]
CROSS = "decoder.*.cross"
BUDGET = "2GB"
MOST_TOKENS = 1 << 12                    # of sources and targets together, whose weights stand in memory at once


@dataclass(frozen=True)
class Couple:
    """A source and its translation, and the characters of their words."""

    source: str
    target: str
    words: Words


@dataclass(frozen=True, eq=False)
class Led:
    """A translation that the model was led through. `source`, `target`: as the model reads them, with what stands around; `before`: how
    many characters stand before the couple's own source; `weights`: by attention; `norms`: of what each source token brings, by attention
    and head; `logprobs`: how likely the model held each target token."""

    couple: Couple
    source: Encoded
    target: Encoded
    before: int
    weights: dict[str, Float[Tensor, "h q k"]]
    norms: dict[str, Float[Tensor, "h k"]]
    logprobs: tuple[float, ...]

    def brought(self, attention: str, heads: Sequence[int], *, shift: int, normed: bool) -> Float[Tensor, "h j i"]:
        """What each target word took from each source word, head by head; see Way."""
        return merged(self._taken(attention, heads, shift, normed), self._maps)

    def aligned(self, way: Way) -> Alignment:
        """The words, aligned."""
        taken = self._taken(way.attention, way.heads, way.shift, way.normed).mean(0)
        texts = self.couple.source, self.couple.target
        return align(taken, texts=texts, pieces=self._pieces, words=self.couple.words, linking=way.linking)

    def subwords(self, text: Text, way: Way) -> Subwords:
        """The attention that aligns before pieces were merged, all of its heads."""
        return subwords(self.weights[way.attention], self.source, self.target.ids, text, shift=way.shift)

    def _taken(self, attention: str, heads: Sequence[int], shift: int, normed: bool) -> Float[Tensor, "h q k"]:
        chosen = self.weights[attention][list(heads)]
        return shifted(by_norm(chosen, self.norms[attention][list(heads)]) if normed else chosen, shift)

    @cached_property
    def _maps(self) -> Maps:
        return maps_of(self._pieces, self.couple.words)

    @property
    def _pieces(self) -> tuple[Sequence[Span], Sequence[Span]]:
        n = self.before
        return [(a - n, b - n) if a >= n else (0, 0) for a, b in self.source.offsets], self.target.offsets


class Forcing:
    """Leads one model, asked for one pair of languages, through translations."""

    def __init__(self, opened: Opened, pair: Pair | None = None, *, layers: str = CROSS):
        """`layers`: the cross-attentions to look at. Raises TaskError for a model without any."""
        asked = pair or Pair()
        self._opened, self._writer, self._pair, self._layers = opened, Writer(opened, asked.use), asked, layers
        if not any(name.endswith(".cross") for name in opened.model.attentions()):
            raise TaskError(f"{opened.manifest.name} has no cross-attention: nothing in it looks from a translation to its source.")

    def all(self, couples: Sequence[Couple], *, batch: int = 32) -> Iterator[tuple[int, Led]]:
        """Each couple led through, with its place, in batches of like length. Raises InputError for one that is longer than the model's
        positions, with its place among several and the numbers."""
        sources, targets = self.check(couples)
        lengths = [len(a.ids) + len(b.ids) for a, b in zip(sources, targets, strict=True)]
        for places in in_batches(lengths, batch, most=MOST_TOKENS):
            yield from zip(places, self._led([(couples[p], sources[p], targets[p]) for p in places]), strict=True)

    def check(self, couples: Sequence[Couple]) -> tuple[list[Encoded], list[Encoded]]:
        """Sources and translations in tokens. Raises InputError, as `all` would."""
        sources, targets = self.sources(couples), self.targets(couples)
        for i, (a, b) in enumerate(zip(sources, targets, strict=True)):
            self._check(a, b, f"pair {i + 1} of {len(couples)}: " if len(couples) > 1 else "")
        return sources, targets

    def sources(self, couples: Sequence[Couple]) -> list[Encoded]:
        """Sources as the model is given them, behind the words that ask for a translation, where it wants some."""
        return self._opened.text.encode_all([self._writer.prefix + each.source for each in couples], language=self._pair.mark)

    def targets(self, couples: Sequence[Couple]) -> list[Encoded]:
        """Translations as the model writes them: behind the mark that it begins with (its language's, say), where it does, and ended."""
        return answers(self._opened, self._writer, self._pair, [each.target for each in couples])

    def _check(self, source: Encoded, target: Encoded, which: str) -> None:
        spec = self._opened.manifest.spec
        for side, stack, said in (("source", spec.encoder, source), ("translation", spec.decoder, target)):
            room = stack.room if stack else None
            if room is not None and len(said.ids) > room:
                raise InputError(
                    f"{which}a {side} has {len(said.ids):,} tokens; {self._opened.manifest.name} has room for {room:,}.",
                    "Give it sentence by sentence.",
                )

    @torch.inference_mode()
    def _led(self, rows: Sequence[tuple[Couple, Encoded, Encoded]]) -> Iterator[Led]:
        o, g = self._opened, self._writer.generation
        source = pad([a.ids for _, a, _ in rows], filler=g.pad).to(o.device)
        start = g.start if g.start is not None else 0
        given = pad([(start, *b.ids[:-1]) for _, _, b in rows], filler=g.pad).to(o.device)
        with trace(o.model, layers=self._layers, budget=BUDGET) as seen:
            hidden = o.model.decode(given.values, memory=o.model.encode(source))
        made = o.model.attentions()
        weights = {name: unfaded(seen[name].weights(), made[name].spec).cpu() for name in seen}
        norms = {name: value_norms(o.model, seen[name]).cpu() for name in seen}
        for row, (couple, a, b) in enumerate(rows):
            m, n = len(b.ids), len(a.ids)
            logits = o.model.logits(hidden[row, :m]).float().log_softmax(-1)
            told = logits.gather(1, torch.tensor(b.ids, device=o.device)[:, None])[:, 0].tolist()
            yield Led(
                couple=couple,
                source=a,
                target=b,
                before=len(self._writer.prefix),
                weights={name: each[row, :, :m, :n] for name, each in weights.items()},
                norms={name: each[row, :, :n] for name, each in norms.items()},
                logprobs=tuple(told),
            )


def answers(opened: Opened, writer: Writer, pair: Pair, said: Sequence[str]) -> list[Encoded]:
    """Texts as a model with an encoder writes them: behind the mark that it begins with (its language's, say), where it does, and ended."""
    text, first = opened.text.answers, writer.generation.first if pair.first is None else pair.first
    if first is None:
        return text.encode_all(said)
    return [_between(each, first, writer.generation.end[0]) for each in text.encode_all(said, marks=False)]


def _between(each: Encoded, first: int, end: int) -> Encoded:
    at = len(each.text)
    return Encoded(each.text, (first, *each.ids, end), ((0, 0), *each.offsets, (at, at)))
