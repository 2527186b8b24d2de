"""Weights: how scores become the shares that a query takes of the values; and where a query may look at all."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..values import value
from .positions import Count, Positive

Decay = Annotated[float, Field(ge=0, lt=1)]


@value
class Soft:
    """softmax over the keys: every key gets something (Bahdanau et al. 2015, equation 6; Vaswani et al. 2017, equation 1)."""

    kind: Literal["soft"] = "soft"


@value
class Sparsemax:
    """The point of the simplex nearest to the scores: most keys get exactly nothing (Martins and Astudillo 2016, equation 2)."""

    kind: Literal["sparsemax"] = "sparsemax"


@value
class Entmax:
    """1.5-entmax, half-way between softmax and sparsemax (Peters et al. 2019, equation 7 with alpha = 1.5)."""

    kind: Literal["entmax"] = "entmax"


@value
class Hard:
    """One key a query (Xu et al. 2015, section 4.1): reading, the one with the highest score; learning, one drawn from the softmax.

    `estimator`: how the draw is learnt, since no gradient goes through it.
    "reinforce": the log-likelihood that follows a draw is its reward (Williams 1992; Xu et al. 2015, equation 12), less a moving `baseline`
    (its decay), with `entropy` times the entropy of the draws added.
    "gumbel": straight-through Gumbel-softmax at `temperature` (Jang et al. 2017): forwards the draw, backwards the softmax.
    "enumerate": every key is tried and the losses are weighed by their probabilities: what "reinforce" estimates, exactly; keys times as
    dear, and only where a draw changes nothing but its own step.
    """

    kind: Literal["hard"] = "hard"
    estimator: Literal["reinforce", "gumbel", "enumerate"] = "reinforce"
    baseline: Decay = 0.9
    entropy: Annotated[float, Field(ge=0)] = 0.01
    temperature: Positive = 1.0


@value
class Kernel:
    """phi(q) . phi(k) over its sum, phi = elu + 1: linear attention (Katharopoulos et al. 2020, equations 4 and 7), whose cost grows with
    the length and not with its square."""

    kind: Literal["kernel"] = "kernel"


Weights = Annotated[Soft | Sparsemax | Entmax | Hard | Kernel, Field(discriminator="kind")]


@value
class Monotonic:
    """Step t sees the keys from t - width to t + width (Luong et al. 2015, section 3.2, local-m); past their end, those around the last."""

    kind: Literal["monotonic"] = "monotonic"
    width: Count = 10


@value
class Predicted:
    """A query says where it looks, p = keys * sigmoid(v . tanh(W q)), sees `width` keys on either side, and their weights fade like a bell
    of deviation width / 2 around p (Luong et al. 2015, section 3.2, local-p, equations 9 and 10). Rows sum to 1 or less."""

    kind: Literal["predicted"] = "predicted"
    width: Count = 10


Local = Annotated[Monotonic | Predicted, Field(discriminator="kind")]
