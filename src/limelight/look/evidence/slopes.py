"""Slopes: how the value of a case changes with the vectors of its tokens, on the way from nothing to what stands there.

The vectors are those of the table of tokens, before positions are added: what stands somewhere changes, and never where it stands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...inputs import Batch
from ...nn.embed import Embed
from ...spec import Learned, Sinusoid
from .case import Case, Reading

AT_ONCE = 1 << 13                        # tokens that go through the model at once


@dataclass(frozen=True, eq=False)
class Way:
    """The way of a case's words from nothing to what stands there.

    Nothing is the mask's vector; where the model has no mask, zeros; but the mean of all tokens where nothing else is added to them: from
    zeros, what comes after a norm would leap.
    """

    reading: Reading
    case: Case

    def slopes(self, points: Sequence[float], weights: Sequence[float]) -> list[Float[Tensor, "r n m"]]:
        """The slopes of the value at some points of the way (0: nothing, 1: the text), their sum by weights, for each table's vectors.

        The model reads twice: what it says tells how much each row counts, and then rows go forward and back a few at a time, so that a
        text of any length takes no more memory than these.
        """
        heavy = self._heavy(points, weights).flatten(0, 1)
        total = [torch.zeros_like(each) for each in self.ends]
        for items in self._chunks(len(heavy)):
            with torch.enable_grad():
                vectors = [each.requires_grad_() for each in self._vectors(points, items)]
                found = torch.autograd.grad((self._says(items, vectors) * heavy[items].to(items.device)).sum(), vectors)
            for sum_, part in zip(total, found, strict=True):
                sum_.index_add_(0, items % len(self._batch), part)
        return total

    def value(self, point: float) -> float:
        """The value at a point of the way."""
        with torch.no_grad():
            return float(self.case.value(self._said([point])[0]))

    def per_word(self, total: Sequence[Float[Tensor, "r n m"]], along: Sequence[Float[Tensor, "r n m"]]) -> tuple[float, ...]:
        """Slopes times how far vectors go, summed over their numbers and over the tokens of each word."""
        tokens = torch.zeros(self._batch.values.shape, dtype=torch.float64)
        for shift, (slope, way) in enumerate(zip(total, along, strict=True)):
            each = (slope * way).double().sum(-1).cpu()
            tokens += each if not shift else torch.nn.functional.pad(each[:, shift:], (0, shift))
        return self.case.per_word(list(tokens))

    @cached_property
    def ends(self) -> list[Float[Tensor, "r n m"]]:
        """The vectors that stand in the text: of the rows, and of the same rows one place later where a decoder reads them too."""
        found: list[dict[Embed, Tensor]] = []
        for items in self._chunks(len(self._batch)):
            with torch.no_grad(), _given(self._embeds) as seen:
                self.reading.says(self._rows(items))
            found.append(seen)
        return [torch.cat([seen[embed] for seen in found]) for embed in self._embeds]

    @cached_property
    def along(self) -> list[Float[Tensor, "r n m"]]:
        """How far each goes: nothing but the words' tokens moves."""
        moves, found = self._moves, []
        for shift, (embed, end) in enumerate(zip(self._embeds, self.ends, strict=True)):
            found.append((end - self._nothing(embed)) * moves.roll(shift, 1)[..., None])
        return found

    @property
    def begins(self) -> str:
        """What nothing is, in words."""
        if self.reading.gone.mask is not None:
            return "the mask's vector"
        return "zeros" if _placed(self._embeds[0]) else "the mean of all tokens' vectors"

    # --- one step each ------------------------------------------------------------------------------------------------
    def _nothing(self, embed: Embed) -> Float[Tensor, " m"]:
        table, mask = embed.table.weight, self.reading.gone.mask
        if mask is not None:
            return table[mask] * embed.scale
        return torch.zeros_like(table[0]) if _placed(embed) else table.mean(0) * embed.scale

    @cached_property
    def _batch(self) -> Batch:
        return self.reading.batch(self.case.rows)

    @cached_property
    def _moves(self) -> Tensor:
        """Which tokens are of words, (r n)."""
        moves = torch.zeros(self._batch.values.shape, dtype=torch.bool)
        for r, places in enumerate(self.case.places):
            moves[r, [i for tokens in places.values() for i in tokens]] = True
        return moves.to(self._batch.values.device)

    @cached_property
    def _embeds(self) -> list[Embed]:
        model = self.reading.model
        stacks = [model.encoder, model.decoder] if self.reading.twice else [model.encoder or model.decoder]
        return [stack.embed for stack in stacks if stack is not None]

    def _heavy(self, points: Sequence[float], weights: Sequence[float]) -> Float[Tensor, "s r c"]:
        """How the weighted sum of values changes with what is said of each row."""
        with torch.enable_grad():
            said = self._said(points).requires_grad_()
            values = torch.stack([self.case.value(each) for each in said])
            return torch.autograd.grad((values * torch.tensor(weights, dtype=values.dtype)).sum(), said)[0]

    def _said(self, points: Sequence[float]) -> Float[Tensor, "s r c"]:
        """What the model says of all rows at some points of the way."""
        rows = len(self._batch)
        with torch.enable_grad():                                    # the products that slopes are of: int8 ones have none
            said = [self._says(items, self._vectors(points, items)).detach().cpu() for items in self._chunks(len(points) * rows)]
        return torch.cat(said).unflatten(0, (len(points), rows))

    def _chunks(self, items: int) -> Iterator[Int[Tensor, " i"]]:
        """Rows at points, the rows of one point after those of another, as many as are read at once."""
        size = max(1, AT_ONCE // self._batch.values.shape[1])
        return iter(torch.arange(items, device=self._batch.values.device).split(size))

    def _vectors(self, points: Sequence[float], items: Int[Tensor, " i"]) -> list[Float[Tensor, "i n m"]]:
        """The vectors of some rows at points of the way."""
        rows = items % len(self._batch)
        left = 1 - torch.tensor(points, device=items.device, dtype=torch.float64)[items // len(self._batch), None, None]
        return [(end[rows] - left.to(end.dtype) * along[rows]).detach() for end, along in zip(self.ends, self.along, strict=True)]

    def _says(self, items: Int[Tensor, " i"], vectors: Sequence[Float[Tensor, "i n m"]]) -> Float[Tensor, "i c"]:
        with _given(self._embeds, vectors):
            return self.reading.says(self._rows(items))

    def _rows(self, items: Int[Tensor, " i"]) -> Batch:
        given, rows = self._batch, items % len(self._batch)
        keep, segments = (None if x is None else x[rows] for x in (given.keep, given.segments))
        return Batch(given.values[rows], keep, segments)


def _placed(embed: Embed) -> bool:
    """Whether positions are added to the vectors of tokens."""
    return isinstance(embed.spec.position, Learned | Sinusoid)


@contextmanager
def _given(embeds: Sequence[Embed], instead: Sequence[Tensor] = ()) -> Iterator[dict[Embed, Tensor]]:
    """Keep the vectors that tables give, or give others `instead`; calls from other threads are left alone."""
    seen, owner = dict[Embed, Tensor](), threading.get_ident()

    def hook(number: int) -> Callable[[object, tuple[Tensor]], tuple[Tensor] | None]:
        def change(_: object, given: tuple[Tensor]) -> tuple[Tensor] | None:
            if threading.get_ident() != owner:
                return None
            seen[embeds[number]] = given[0].detach()
            return (instead[number],) if instead else None

        return change

    with ExitStack() as stack:
        for number, embed in enumerate(embeds):
            stack.callback(embed.project.register_forward_pre_hook(hook(number)).remove)
        yield seen
