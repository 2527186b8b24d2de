"""Calibration: one temperature for all logits, chosen so that probabilities are to be believed, and put into the head for good."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from ....nn import Network
from ....nn.heads import LabelHead
from ...classify.classified import Classified
from .scoring import Odds, Truth

LOW, HIGH, ROUNDS = math.log(0.05), math.log(20.0), 60
GOLDEN = (math.sqrt(5) - 1) / 2
LEAST = 1e-300


@dataclass(frozen=True, eq=False)
class Read:
    """What a classifier said of texts, window by window. `logs`: (w c), the logarithm of each class's probability; `shares`: (w), how much
    a window counts in its text; `text`: (w), which text it is of; `weights`: (n), how much a text counts."""

    logs: Float[np.ndarray, "w c"]
    shares: Float[np.ndarray, " w"]
    text: Int[np.ndarray, " w"]
    weights: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, answers: Sequence[Classified], labels: Sequence[str], weights: Sequence[float]) -> Read:
        """The windows of some answers; each names all the labels."""
        logs, shares, text = [], [], []
        for number, answer in enumerate(answers):
            whole = sum(part.tokens for part in answer.parts)
            for part in answer.parts:
                odds = {each.label: each.score for each in part.labels}
                logs.append([math.log(max(odds[label], LEAST)) for label in labels])
                shares.append(part.tokens / whole)
                text.append(number)
        return cls(np.array(logs), np.array(shares), np.array(text), np.array(weights))

    def at(self, temperature: float) -> Odds:
        """The probability of each class of each text, with logits divided by a temperature: the mean over its windows."""
        logs = self.logs / temperature
        odds = np.exp(logs - logs.max(1, keepdims=True))
        odds *= (self.shares / odds.sum(1))[:, None]
        found = np.zeros((len(self.weights), odds.shape[1]))
        np.add.at(found, self.text, odds)
        return found


def best_temperature(read: Read, truth: Truth) -> float:
    """The temperature with the least mean negative log-likelihood (Guo et al. 2017, section 4.2), between 0.05 and 20."""

    def cost(log: float) -> float:
        right = read.at(math.exp(log))[np.arange(len(truth)), truth]
        return float(-(read.weights * np.log(np.maximum(right, LEAST))).sum())

    return math.exp(_lowest(cost, LOW, HIGH))


@torch.no_grad()
def cool(model: Network, head: str, temperature: float) -> None:
    """Divide a head's logits by a temperature, by dividing its last map: whoever uses the model gets what was calibrated."""
    found = model.heads[head]
    if isinstance(found, LabelHead):
        for each in found.out.parameters():
            each.div_(temperature)


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest, by golden sections."""
    for _ in range(ROUNDS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return (low + high) / 2
