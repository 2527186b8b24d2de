"""Summaries of maps as they pass: of a long text, the queries and keys of one layer at a time are in memory, and no map ever is.

    with summaries(model, "decoder.*.self") as seen:
        model.decode(tokens)
    seen["decoder.3.self"].entropy
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch

from ..errors import TraceError, did_you_mean
from ..nn import Look, Network
from ..nn.eyes import unwatch, watch
from .names import named
from .summary import Summary, summarize
from .view import View

BUDGET = 1 << 62                                                     # strips are small, whatever the map


class Summaries:
    """What was seen of the newest sequence, by the name of the attention."""

    def __init__(self, names: Sequence[str]):
        self.names = tuple(names)
        self._found: dict[str, Summary] = {}
        self._owner = threading.get_ident()

    def __getitem__(self, name: str) -> Summary:
        """Raises TraceError for what was not watched, has seen nothing, or saw a sequence in pieces."""
        if name not in self.names:
            raise TraceError(f'nothing named "{name}" was watched.', did_you_mean(name, self.names))
        if name not in self._found:
            raise TraceError(f'"{name}" has seen no whole sequence.', "Run the model on all tokens at once inside the block.")
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def take(self, name: str, look: Look, top: int) -> None:
        """Sum up one look; of what another thread runs, or a step of a longer sequence, nothing is kept."""
        if threading.get_ident() != self._owner:
            return
        self._found.pop(name, None)
        if not look.past:
            with torch.no_grad():
                self._found[name] = summarize(View(name, (look,), BUDGET), top=top)


class _Passing:
    """One attention's line to the summaries."""

    def __init__(self, name: str, into: Summaries, top: int):
        self._name, self._into, self._top = name, into, top

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        self._into.take(self._name, look, self._top)


@contextmanager
def summaries(model: Network, layers: str | Sequence[str] = "*", *, top: int = 8) -> Iterator[Summaries]:
    """Sum up each attention whose name matches, while the model runs; its answer is the same, bit for bit. `top`: see `summarize`.

    Raises TraceError for a pattern that matches nothing.
    """
    known = model.attentions()
    found = Summaries(named(known, layers))
    with ExitStack() as watched:
        for name in found:
            eye = _Passing(name, found, top)
            watch(known[name], eye)
            watched.callback(unwatch, known[name], eye)
        yield found
