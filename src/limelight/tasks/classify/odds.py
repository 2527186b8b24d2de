"""Odds: what a head's logits say of each label, over one window of a text or the mean of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Kind = Literal["softmax", "sigmoid", "raw"]          # one label of all; each by itself; quantities, which are no probabilities
Logits = Float[Tensor, "w c"]


def scores(logits: Logits, shares: Sequence[int], kind: Kind) -> list[float]:
    """A score for each label (c): the mean of the windows' (w), by their shares of the text."""
    return (_weights(shares) @ by_window(logits, kind)).tolist()


def by_window(logits: Logits, kind: Kind) -> Logits:
    """Each window's scores, (w c), in float64."""
    logits = logits.double()
    return logits.softmax(-1) if kind == "softmax" else logits.sigmoid() if kind == "sigmoid" else logits


def log_odds(logits: Logits, shares: Sequence[int], kind: Kind, label: int) -> Float[Tensor, ""]:
    """The log-odds log(p / (1 - p)) of one label's score, exact however near p is to 1; of a quantity, the quantity itself.

    Unlike the score they do not stand still where a model is sure, so that the effects of words can be told apart; and they can be
    differentiated.
    """
    if kind == "raw":
        return _weights(shares) @ logits[:, label].double()
    weights, logits = _weights(shares).log(), logits.double()
    one = logits[:, label]
    if kind == "sigmoid":
        yes, no = torch.nn.functional.logsigmoid(one), torch.nn.functional.logsigmoid(-one)
    else:
        others = torch.cat([logits[:, :label], logits[:, label + 1 :]], 1).logsumexp(-1)
        yes, no = one - logits.logsumexp(-1), others - logits.logsumexp(-1)
    return (weights + yes).logsumexp(0) - (weights + no).logsumexp(0)


def _weights(shares: Sequence[int]) -> Tensor:
    whole = torch.tensor(shares, dtype=torch.float64)
    return whole / whole.sum()
