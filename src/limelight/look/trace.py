"""trace: see what a model attends to, without touching it.

A trace keeps references to the queries and keys that the attention kernel was given. The forward pass is the same kernel on
the same tensors, so the output is bit-equal with and without. Weights are rebuilt exactly when asked for, only for the rows,
heads and layers that are asked for.

    with trace(model, layers="decoder.*.cross") as t:
        model.decode(tokens, memory=memory)
    t["decoder.3.cross"].weights(heads=[1], queries=slice(0, 8))      # (b 1 8 k)
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from ..errors import TraceError, did_you_mean
from ..nn import Attention, Look, Network
from ..nn.eyes import Eye, unwatch, watch
from ..ops import softmax
from .names import named
from .view import View

UNITS = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def read_bytes(budget: str | int) -> int:
    """"64MB" -> 67108864. Raises TraceError for anything else."""
    if isinstance(budget, int):
        return budget
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)\s*", budget, re.IGNORECASE)
    if not found:
        raise TraceError(f"a budget is a number of bytes: got {budget!r}.", 'Write "64MB", or 67108864.')
    return int(float(found[1]) * UNITS[found[2].upper()])


class Trace:
    """What was seen, by the name of the attention. Index it with a name such as "decoder.3.cross" to get a View.

    It watches while a `with` block is open. One that is closed may be opened again, to watch a generation step by step while
    others run in between.
    """

    def __init__(self, watched: Mapping[str, Attention], budget: int):
        self.names, self.budget = tuple(watched), budget
        self.nbytes = 0
        self._watched = dict(watched)
        self._eyes: dict[str, Eye] = {}
        self._held: dict[int, list[int]] = {}                        # storage -> its bytes, how many looks keep it
        self._looks: dict[str, list[Look]] = {name: [] for name in watched}
        self._torn: dict[str, str] = {}                              # why what an attention saw makes no whole
        self._lost: str | None = None                                # the first attention that did not fit
        self._owner = 0

    def __enter__(self) -> Trace:
        """Watch, from this thread. Raises TraceError where the trace is open already."""
        if self._eyes:
            raise TraceError("this trace is open already.", "Open a second one with trace(...).")
        self._owner = threading.get_ident()
        self._eyes = {name: _Note(name, self) for name in self._watched}
        for name, eye in self._eyes.items():
            watch(self._watched[name], eye)
        return self

    def __exit__(self, *failure: object) -> None:
        eyes, self._eyes = self._eyes, {}
        for name, eye in eyes.items():
            unwatch(self._watched[name], eye)

    def __getitem__(self, name: str) -> View:
        if name not in self._looks:
            raise TraceError(f'nothing named "{name}" was watched.', did_you_mean(name, self.names))
        if self._lost is not None:
            raise TraceError(
                f"the trace outgrew its budget of {self.budget:,} bytes at {self._lost}.",
                f'Watch fewer layers (layers="{name}"), give a larger budget=, or trace a shorter input.',
            )
        if name in self._torn:
            raise TraceError(
                f'"{name}" saw only pieces of a sequence: {self._torn[name]}.', "Open the trace around the steps of one sequence alone."
            )
        if not self._looks[name]:
            raise TraceError(f'"{name}" has seen nothing yet.', "Run the model inside the `with trace(...)` block.")
        return View(name, tuple(self._looks[name]), self.budget)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def note(self, name: str, look: Look) -> None:
        """Keep references to what one attention was given; never raises, so that looking never changes the answer."""
        if self._lost is not None or threading.get_ident() != self._owner:
            return                                                   # another thread's sequences are none of our business
        if look.past == 0:
            self._forget(name)                                       # a new sequence begins: a trace shows the newest
        elif (wrong := self._gap(name, look)) or name in self._torn:
            self._forget(name, wrong or self._torn[name])
            return
        look = replace(look, q=look.q.detach(), k=look.k.detach(), v=look.v.detach(), how=self._kept(name, look.how))
        self._looks[name].append(look)
        for at, size in _storages(look):
            held = self._held.setdefault(at, [size, 0])
            held[1] += 1
            self.nbytes += size if held[1] == 1 else 0
        if self.nbytes > self.budget:
            self._lost = name
            for each in self._looks:
                self._forget(each)

    def _gap(self, name: str, look: Look) -> str:
        """Why a step does not follow on from what was seen; "" where it does."""
        if not self._looks[name]:
            return ""                                                # View says what cannot be rebuilt from the middle on
        last = self._looks[name][-1]
        if last.run != look.run:
            return "two sequences took turns"
        if look.past != (end := last.past + last.q.shape[2]):
            return f"its cache went from {end} tokens to {look.past} between two steps"
        return ""

    def _kept(self, name: str, how: dict[str, Any]) -> dict[str, Any]:
        """The kernel's arguments, safe from what a training step would do to them: no graph, and learned scores as they are now."""
        bias, score = how["bias"], how["score"]
        if isinstance(score, partial):
            before = self._looks[name][:1]
            weight = score.keywords["weight"].detach().clone()
            score = before[0].how["score"] if before else partial(score.func, weight=weight)
        weigh = how.get("weigh", softmax)
        if isinstance(weigh, partial):
            weigh = partial(weigh.func, **{key: x.detach() if isinstance(x, Tensor) else x for key, x in weigh.keywords.items()})
        return {**how, "bias": None if bias is None else bias.detach(), "score": score, "weigh": weigh}

    def _forget(self, name: str, torn: str = "") -> None:
        """Let go of what an attention saw; `torn`: why nothing of its sequence can be shown."""
        for look in self._looks[name]:
            for at, size in _storages(look):
                self._held[at][1] -= 1
                if not self._held[at][1]:
                    del self._held[at]
                    self.nbytes -= size
        self._looks[name] = []
        self._torn.pop(name, None)
        if torn:
            self._torn[name] = torn

    def clear(self) -> None:
        """Forget what was seen, to look at the next input within the same block."""
        for name in self._looks:
            self._forget(name)
        self._lost = None


class _Note:
    """One attention's line to the trace."""

    def __init__(self, name: str, trace: Trace):
        self.name, self.trace = name, trace

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        self.trace.note(self.name, look)


def _storages(look: Look) -> Iterator[tuple[int, int]]:
    """The memory that a look keeps alive, each piece as (address, bytes): layers share masks, steps share a memory's keys."""
    held = [x for part in (look.how["score"], look.how["weigh"]) if isinstance(part, partial) for x in part.keywords.values()]
    found: dict[int, int] = {}
    for tensor in (look.q, look.k, look.v, look.how["allow"], look.how["bias"], *held):
        if isinstance(tensor, Tensor):
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
    return iter(found.items())


def trace(model: Network, *, layers: str | Sequence[str] = "*", budget: str | int = "256MB") -> Trace:
    """Watch the attentions whose names match `layers` (patterns such as "decoder.*.cross"), as `with trace(model) as t:`.

    Looking costs references, not copies. What would keep more than `budget` alive is dropped whole, and said when asked for.
    Only calls from the opening thread are seen, and the newest sequence is shown. Several traces may be open at once. Raises
    TraceError for a pattern that matches nothing, and for a model without attention.
    """
    known = model.attentions()
    if not known:
        raise TraceError(f"{model.spec.family} has no attention: there is nothing to look at.", "Open a model that attends.")
    return Trace({name: known[name] for name in named(known, layers)}, read_bytes(budget))
