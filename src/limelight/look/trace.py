"""trace: see what a model attends to, without touching it.

A trace keeps references to the queries and keys that the attention kernel was given. The forward pass is the same kernel on
the same tensors, so the output is bit-equal with and without. Weights are rebuilt exactly when asked for, only for the rows,
heads and layers that are asked for.

    with trace(model, layers="decoder.*.cross") as t:
        model.decode(tokens, memory=memory)
    t["decoder.3.cross"].weights(heads=[1], queries=slice(0, 8))      # (b 1 8 k)
"""

from __future__ import annotations

import fnmatch
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ..errors import TraceError, did_you_mean
from ..nn import Look, Transformer
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
    """What was seen, by the name of the attention. Index it with a name such as "decoder.3.cross" to get a View."""

    def __init__(self, names: Sequence[str], budget: int):
        self.names, self.budget = tuple(names), budget
        self.nbytes = 0
        self._bytes: dict[str, int] = {}
        self._looks: dict[str, list[Look]] = {name: [] for name in names}
        self._lost: str | None = None                                # the first attention that did not fit
        self._owner = threading.get_ident()

    def __getitem__(self, name: str) -> View:
        if name not in self._looks:
            raise TraceError(f'nothing named "{name}" was watched.', did_you_mean(name, self.names))
        if self._lost is not None:
            raise TraceError(
                f"the trace outgrew its budget of {self.budget:,} bytes at {self._lost}.",
                f'Watch fewer layers (layers="{name}"), give a larger budget=, or trace a shorter input.',
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
        look = replace(look, q=look.q.detach(), k=look.k.detach(), v=look.v.detach())
        if look.past == 0:
            self._forget(name)                                       # a new sequence begins: a trace shows the newest
        cost = self._cost(name, look)
        self._bytes[name] = self._bytes.get(name, 0) + cost
        self.nbytes += cost
        self._looks[name].append(look)
        if self.nbytes > self.budget:
            self._lost = name
            for each in self._looks:
                self._forget(each)

    def _cost(self, name: str, look: Look) -> int:
        """Bytes that this look keeps alive; while generating, cross-attention meets the same keys at every step."""
        before = self._looks[name][-1:]
        known = bool(before) and look.crossing and before[0].k.data_ptr() == look.k.data_ptr()
        return look.q.nbytes + (0 if known else look.k.nbytes + look.v.nbytes)

    def _forget(self, name: str) -> None:
        self.nbytes -= self._bytes.pop(name, 0)
        self._looks[name] = []

    def clear(self) -> None:
        """Forget what was seen, to look at the next input within the same block."""
        for name in self._looks:
            self._forget(name)
        self._lost = None


class _Eye:
    """One attention's line to the trace."""

    def __init__(self, name: str, trace: Trace):
        self.name, self.trace = name, trace

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        self.trace.note(self.name, look)


@contextmanager
def trace(model: Transformer, *, layers: str | Sequence[str] = "*", budget: str | int = "256MB") -> Iterator[Trace]:
    """Watch the attentions whose names match `layers` (patterns such as "decoder.*.cross").

    Looking costs references, not copies. What would keep more than `budget` alive is dropped whole, and said when asked for.
    Only calls from the opening thread are seen. Raises TraceError for a pattern that matches nothing.
    """
    known = model.attentions()
    patterns = [layers] if isinstance(layers, str) else list(layers)
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            raise TraceError(f'no attention is named "{pattern}".', did_you_mean(pattern, known))
    names = [name for name in known if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
    found = Trace(names, read_bytes(budget))
    before = {name: known[name].eye for name in names}
    for name in names:
        known[name].eye = _Eye(name, found)
    try:
        yield found
    finally:
        for name, eye in before.items():
            known[name].eye = eye
