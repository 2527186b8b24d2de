"""One full pass over a text and its answer, looked at: every attention, what each head gave, and every layer's states."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..inputs import Batch, Encoded
from ..look import Said, Trace, View, ablate, said, trace
from ..nn import Network
from ..tasks.reading.rows import as_batch
from .depths import Depth, depths
from .subject import Subject

BUDGET = "16GB"                          # references to what the pass computes; a text that fits into memory is looked at
Heads = Mapping[str, Sequence[int]]


@dataclass(frozen=True, eq=False)
class Passed:
    """What was seen. `ids`: by track, what was read; `hidden`: the last states of what the head reads (1 n m); `depths`: by side."""

    seen: Trace
    said: Said
    depths: dict[str, Depth]
    ids: dict[str, tuple[int, ...]]
    hidden: Float[Tensor, "1 n m"]
    seconds: float

    def view(self, name: str) -> View:
        """An attention. Raises TraceError for an unknown name."""
        return self.seen[name]


@torch.inference_mode()
def passed(subject: Subject, encoded: Encoded, read: Sequence[int], heads: Heads) -> Passed:
    """Run it. `read`: the tokens of an answer that the decoder reads; `heads`: those that say nothing."""
    model, ids, run = _run(subject, encoded, tuple(read))
    with ExitStack() as watched:
        heard, deep = watched.enter_context(said(model)), watched.enter_context(depths(model))
        if heads:                                                    # after `said`, which so hears what they would have given
            watched.enter_context(ablate(model, heads))
        with trace(model, budget=BUDGET) as seen:
            began = time.perf_counter()
            hidden = run()
            seconds = time.perf_counter() - began
    return Passed(seen, heard, deep, ids, hidden, seconds)


def _run(subject: Subject, encoded: Encoded, read: tuple[int, ...]) -> tuple[Network, dict[str, tuple[int, ...]], Callable[[], Tensor]]:
    opened = subject.opened
    model, batch = opened.model, as_batch(opened, [encoded])
    match subject.manner:
        case "answers":
            target = (subject.start, *read)
            tokens = torch.tensor([target], device=opened.device)
            return model, {"source": encoded.ids, "target": target}, lambda: model.decode(tokens, memory=model.encode(batch))
        case "goes on":
            whole = (*encoded.ids, *read)
            tokens = torch.tensor([whole], device=opened.device)
            return model, {"text": whole}, lambda: model.decode(tokens)
    return model, _read_twice(model, encoded, subject.start), lambda: _hidden(model, batch, subject.start)


def _hidden(model: Network, batch: Batch, start: int) -> Tensor:
    return model.hidden(batch, start=start)


def _read_twice(model: Network, encoded: Encoded, start: int) -> dict[str, tuple[int, ...]]:
    """An encoder with a decoder reads a text twice, the second time one place later; see Network.hidden."""
    if model.encoder is None or model.decoder is None:
        return {"text": encoded.ids}
    return {"source": encoded.ids, "target": (start, *encoded.ids[:-1])}
