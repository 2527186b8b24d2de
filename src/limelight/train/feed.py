"""Batches in their order, from any place on, made ahead of time by a thread."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from ..errors import TrainError

AHEAD = 8   # batches made before they are asked for
Lesson = TypeVar("Lesson")
Given = TypeVar("Given", covariant=True)


@runtime_checkable
class Batches(Protocol[Given]):
    """Where training data come from: lessons of the kind that the loss reads (Pairs, Labelled).

    `order` is a function of its own seed and the epoch alone, `batch` of its indices alone.
    `batch` runs in a thread of its own, so it may not draw from the global random numbers.
    """

    def order(self, epoch: int) -> Sequence[Any]:
        """The indices of each batch of an epoch, in the order to train on them."""
        ...

    def batch(self, indices: Any) -> Given:
        """One batch, on the CPU."""
        ...


@dataclass(frozen=True)
class Place:
    """How far a training has read: `index` batches of `epoch`. `mark`: a fingerprint of that epoch's order."""

    epoch: int = 0
    index: int = 0
    mark: int | None = None


class Feed(Generic[Lesson]):
    """Iterates over (the place after it, batch) for ever. Close it, or use it in a `with`, to end its thread."""

    def __init__(self, batches: Batches[Lesson], place: Place):
        self._places = _walk(batches, place)
        self._make = batches.batch
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: deque[tuple[Place, Future[Lesson]]] = deque()

    def __iter__(self) -> Iterator[tuple[Place, Lesson]]:
        return self

    def __next__(self) -> tuple[Place, Lesson]:
        while len(self._ahead) < AHEAD:
            place, indices = next(self._places)
            self._ahead.append((place, self._maker.submit(self._make, indices)))
        place, lesson = self._ahead.popleft()
        return place, lesson.result()

    def __enter__(self) -> Feed[Lesson]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what was made ahead and end the thread."""
        self._ahead.clear()
        self._maker.shutdown(wait=True, cancel_futures=True)


def _walk(batches: Batches[Any], place: Place) -> Iterator[tuple[Place, Any]]:
    epoch, index, known = place.epoch, place.index, place.mark
    while True:
        order = batches.order(epoch)
        mark = _fingerprint(order)
        if not len(order):
            raise TrainError(f"epoch {epoch} has no batches.", "Is the training part of the data empty?")
        if known not in (None, mark):
            raise TrainError(
                f"epoch {epoch} has other batches than when the checkpoint was written.",
                "The data, its seed or the batch size changed: put them back, or train in another folder.",
            )
        for at in range(index, len(order)):
            yield Place(epoch, at + 1, mark), order[at]
        epoch, index, known = epoch + 1, 0, None


def _fingerprint(order: Sequence[Any]) -> int:
    mark = 0
    for indices in order:
        mark = zlib.crc32(indices.tobytes() if isinstance(indices, np.ndarray) else repr(indices).encode(), mark)
    return mark
