"""Steps that stand still: on a GPU, one more token a row is one launch of a recorded graph of kernels.

The step is a function over memory that stays where it is. Recorded, or run as it is for who looks, it is the same kernels over the same
shapes, so a trace changes nothing. What a recording costs some steps would cost as well, so it is kept for the next answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..nn import Cache, Network
from ..nn.hooks import hooks_of
from ..nn.stack import Stack
from ..nn.still import StillCache

DEVICES = {"cuda"}                   # where a launch costs more than a small kernel
LEAST = 256                          # slots that room is taken for; then twice as many, and again
KEPT = 4                             # steps of a model that nobody uses now


class Graph:
    """Work on a GPU, recorded once: `work` must find all that it reads, and leave all that it makes, in memory of its own."""

    def __init__(self, work: Callable[[], None]):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):                                     # libraries make themselves ready, which cannot be recorded
            work()
            work()
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            work()

    def __call__(self) -> None:
        """Do it once more."""
        self._graph.replay()


class StillStep:
    """One step of so many rows in so much room. It keeps no model, which is told each time: the graph knows where its weights are."""

    def __init__(self, model: Network, rows: int, like: Cache | StillCache, room: int):
        stack, made = _stack(model), like.written
        table = stack.embed.table.weight
        self.state = _state(model)
        self.cache = StillCache(made.new_zeros(made.shape[0], rows, made.shape[2], room, made.shape[4]))
        self._tokens = torch.zeros(rows, 1, dtype=torch.long, device=table.device)
        self._scores = torch.zeros(rows, len(table), device=table.device)
        self._graph: Graph | None = None
        self._hooks = hooks_of(model.modules())
        self._attentions = list(model.attentions().values())

    @property
    def seen(self) -> bool:
        """Whether somebody looks, or hooks into a module: what was recorded would pass them by."""
        return any(self._hooks) or any(each.eye is not None for each in self._attentions)

    def scores(self, model: Network, tokens: Int[Tensor, "r 1"]) -> Float[Tensor, "r v"]:
        """Scores of what follows `tokens`, in fp32; rows that were left behind are behind them."""
        self._tokens[: len(tokens)] = tokens
        self.cache.next()
        if self.seen:
            self.work(model)
        else:
            self._graph = self._graph or Graph(lambda: self.work(model))
            self._graph()
        self.cache.stepped()
        return self._scores[: len(tokens)].clone()                       # the next step writes over them

    def work(self, model: Network) -> None:
        """All that a graph records: the same however often it is done."""
        hidden = _stack(model)(self._tokens, self.cache.keep, cache=self.cache)
        self._scores.copy_(model.logits(hidden[:, -1]))


class StillRun:
    """An answer under way, in steps that stand still; it moves to larger room as it grows, and gives the steps back at the end."""

    def __init__(self, model: Network, past: Cache, keep: Bool[Tensor, "b n"] | None):
        self._model, self._rows = model, past.written.shape[1]
        self._step = _taken(model, self._rows, past)
        self._step.cache.begin(past, keep)

    def scores(self, tokens: Int[Tensor, "r 1"]) -> Float[Tensor, "r v"]:
        """Scores of what follows. Raises InputError beyond the model's positions."""
        held = self._step.cache
        _stack(self._model).embed.check(held.most + 1)
        if held.length == held.room:
            larger = _taken(self._model, self._rows, held)
            larger.cache.begin(held, held.keep)
            self.close()
            self._step = larger
        return self._step.scores(self._model, tokens)

    def reorder(self, parents: Int[Tensor, " r"]) -> None:
        """See nn.Cache."""
        self._step.cache.reorder(parents)

    def close(self) -> None:
        """Give the step back; nothing is asked of it any more."""
        free = _FREE.setdefault(self._model, [])
        free.append(self._step)
        del free[:-KEPT]


_FREE: WeakKeyDictionary[Network, list[StillStep]] = WeakKeyDictionary()


def still_serves(model: Network, past: Cache) -> bool:
    """Whether steps of this model may stand still: on a GPU, without an encoder, with attentions that keep keys and values."""
    if model.encoder is not None or not isinstance(model.decoder, Stack):
        return False
    on = model.decoder.embed.table.weight.device.type in DEVICES
    return on and past.length > 0 and not torch.is_grad_enabled()


def _taken(model: Network, rows: int, past: Cache | StillCache) -> StillStep:
    """A step with room for one more token at least, that nobody else uses."""
    room, wanted = LEAST, past.written
    while room <= past.length:
        room *= 2
    free, state = _FREE.setdefault(model, []), _state(model)
    free[:] = [each for each in free if each.state == state]              # weights that were replaced are not where graphs look for them
    shape = (*wanted.shape[:1], rows, wanted.shape[2], room, wanted.shape[4])
    for place, each in enumerate(free):
        if each.cache.tensor.shape == shape and each.cache.tensor.dtype == wanted.dtype:
            return free.pop(place)
    return StillStep(model, rows, past, room)


def _state(model: Network) -> list[Any]:
    """Where the weights are."""
    return [each.data_ptr() for each in (*model.parameters(), *model.buffers())]


def _stack(model: Network) -> Stack:
    return cast(Stack, model.decoder)
