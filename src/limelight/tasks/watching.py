"""Watching a generation step by step: what runs between two steps, or in another thread, is neither seen nor disturbed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor

from ..decode import Step
from ..hub import Opened
from ..look import View, trace
from ..nn import Look

BUDGET = 2 << 30


class Watcher:
    """Follows one generation. `attention`: the name of what is looked at, or None to look at nothing.

    `seconds`: how long the steps took, without the time that the caller spent between them.
    """

    def __init__(self, opened: Opened, attention: str | None):
        self._opened, self._attention = opened, attention
        self._looks: list[Look] = []
        self.seconds = 0.0

    @property
    def watching(self) -> bool:
        """Whether there is something to be looked at."""
        return self._attention is not None

    def steps(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The same steps. A trace is open only while one is computed: a generator may rest for as long as its reader likes."""
        while (step := self._next(steps)) is not None:
            yield step

    def weights(self, path: tuple[int, ...]) -> Float[Tensor, "h q k"]:
        """The weights of all heads over the steps of one answer (its `rows`)."""
        return View(self._attention or "", tuple(self._looks), BUDGET).weights(path=path)[0]

    def _next(self, steps: Iterator[Step]) -> Step | None:
        began = time.perf_counter()
        try:
            if self._attention is None:
                return next(steps, None)
            with self._opened.watching, trace(self._opened.model, layers=self._attention, budget=BUDGET) as seen:
                step = next(steps, None)
            if step is not None:
                self._looks += seen[self._attention].looks
            return step
        finally:
            self.seconds += time.perf_counter() - began
