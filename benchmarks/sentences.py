"""Sentences as long as Tatoeba's, made of random tokens, so that anybody can run the same work without the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from limelight.data.batches import TokenBatches
from limelight.inputs.pairs import Pairs

from .sizes import END, PAD

# Logarithms of lengths in pieces of the bundled model's tokenizer, end token included, over 20,000 pairs of the training data.
MEANS = (2.168, 2.290)        # English (9.2 pieces on average), French (10.4)
DEVIATIONS = (0.302, 0.321)
CORRELATION = 0.83
LONGEST = 100


def lengths(count: int, seed: int = 0) -> np.ndarray:
    """(count 2): the lengths of sources and targets."""
    covariance = np.outer(DEVIATIONS, DEVIATIONS) * np.array([[1, CORRELATION], [CORRELATION, 1]])
    drawn = np.random.default_rng(seed).multivariate_normal(MEANS, covariance, count)
    return np.clip(np.rint(np.exp(drawn)), 2, LONGEST).astype(int)


def rows(lengths: Sequence[int], vocab: int, seed: int = 0) -> list[list[int]]:
    """Rows of random tokens, the end token last."""
    random = np.random.default_rng(seed)
    return [[*random.integers(3, vocab, length - 1).tolist(), END] for length in lengths]


def batches(count: int, *, vocab: int, budget: int, seed: int = 0) -> TokenBatches:
    """`count` pairs in batches of `budget` padded tokens."""
    source, target = lengths(count, seed).T.tolist()
    return TokenBatches(
        rows(source, vocab, seed), rows(target, vocab, seed + 1), budget=budget, seed=seed, pad=PAD, max_length=LONGEST
    )


class Fixed:
    """Batches that are there already, in one order: what `fit` and the peers read alike."""

    def __init__(self, pairs: Sequence[Pairs]):
        self.pairs = list(pairs)

    def order(self, epoch: int) -> list[int]:
        """See train.Batches."""
        del epoch
        return list(range(len(self.pairs)))

    def batch(self, indices: int) -> Pairs:
        """See train.Batches."""
        return self.pairs[indices]
