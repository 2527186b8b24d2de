"""Batches of what is made when its turn comes: pictures that are read or painted, sound that is joined and disturbed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Int

from ..errors import InputError

E = TypeVar("E")                         # an example: light, such as a path, or a number to paint a picture by
L = TypeVar("L")                         # a lesson, as the loss reads it
Make = Callable[[Sequence[E], np.random.Generator], L]
EPOCHS = 2                               # whose examples are kept: the one that is read, and the next, of which batches are made ahead


class RawBatches(Generic[E, L]):
    """Batches of `size` examples (the last of an epoch may be smaller), each made into a lesson by `make`, which draws what it changes from
    the random numbers that it is given: the same for the same seed, epoch and place, on any machine and after any interruption.

    `examples`: those of an epoch, which may differ from one to the next.
    """

    def __init__(self, examples: Callable[[int], Sequence[E]], make: Make[E, L], *, size: int, seed: int):
        """Raises InputError where the first epoch has no examples."""
        self.size, self.seed = size, seed
        self._examples, self._make = lru_cache(maxsize=EPOCHS)(examples), make
        if not len(self._examples(0)):
            raise InputError("there is nothing to learn from.", "Give data.")

    def order(self, epoch: int) -> list[Int[np.ndarray, " rows"]]:
        """Which examples each batch has, in the order to train on them, after the epoch and the place of the batch in it."""
        places = np.random.default_rng([self.seed, epoch]).permutation(len(self._examples(epoch)))
        batches = [places[first : first + self.size] for first in range(0, len(places), self.size)]
        return [np.concatenate([[epoch, number], batch]) for number, batch in enumerate(batches)]

    def batch(self, indices: Int[np.ndarray, " rows"]) -> L:
        """The lesson of one entry of `order`, on the CPU."""
        epoch, number, *places = indices.tolist()
        examples = self._examples(epoch)
        return self._make([examples[place] for place in places], np.random.default_rng([self.seed, epoch, number, 1]))
