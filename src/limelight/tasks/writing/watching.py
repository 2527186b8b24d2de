"""Watching a generation step by step: what runs between two steps, or in another thread, is neither seen nor disturbed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from jaxtyping import Float
from torch import Tensor

from ...decode import Step
from ...errors import TraceError
from ...look import View, trace
from ...look.norms import value_norms
from ...nn import Network


class Watcher:
    """Follows one generation. `attention`: the name of what is looked at, or None to look at nothing.

    `seconds`: how long the steps took, without the time that the caller spent between them.
    """

    def __init__(self, model: Network, attention: str | None):
        self._model, self._attention, self.seconds = model, attention, 0.0
        self._trace = None if attention is None else trace(model, layers=attention, budget="2GB")

    @property
    def watching(self) -> bool:
        """Whether there is something to be looked at."""
        return self._trace is not None

    def steps(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The same steps. The trace is open only while one is computed: a generator may rest for as long as its reader likes."""
        while (step := self._next(steps)) is not None:
            yield step

    def weights(self, path: tuple[int, ...]) -> Float[Tensor, "h q k"]:
        """The weights of all heads over the steps of one answer (its `rows`). Raises TraceError where nothing was looked at."""
        return self._view().weights(path=path)[0]

    def norms(self, path: tuple[int, ...]) -> Float[Tensor, "h k"]:
        """How much each key brings, by head, see look.norms. Raises TraceError where nothing was looked at."""
        return value_norms(self._model, self._view(), path=path)[0]

    def _view(self) -> View:
        if self._trace is None or self._attention is None:
            raise TraceError("nothing was looked at.", "Name an attention to look at.")
        return self._trace[self._attention]

    def _next(self, steps: Iterator[Step]) -> Step | None:
        began = time.perf_counter()
        looking: AbstractContextManager[object] = nullcontext() if self._trace is None else self._trace
        try:
            with looking:
                return next(steps, None)
        finally:
            self.seconds += time.perf_counter() - began
