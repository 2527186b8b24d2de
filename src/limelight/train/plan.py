"""Plan: everything that decides how a training goes, as one frozen value."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@value
class NoAverage:
    """The weights of the last step are the result."""

    kind: Literal["none"] = "none"


@value
class Ema:
    """An exponential moving average of the weights, over about 1 / (1 - decay) steps."""

    kind: Literal["ema"] = "ema"
    decay: Factor = 0.999


@value
class LastSaved:
    """The mean of the last `count` saved checkpoints (Vaswani et al. 2017, section 6.1)."""

    kind: Literal["last"] = "last"
    count: Count = 5


Average = Annotated[NoAverage | Ema | LastSaved, Field(discriminator="kind")]


@value
class Plan:
    """How long, how fast and how carefully to train.

    `lr` is the peak, reached after `warmup` steps; `final_lr` is the share of it that cosine, linear and
    trapezoid end at; a trapezoid stays at the peak until the last `cooldown` share of the steps, so how long to train can be decided late.
    `weight_decay` leaves biases, norms and embeddings alone. `clip`: largest gradient norm, 0 for no limit.
    `accumulate`: batches a step. `consistency`: weight of R-drop (Liang et al. 2021), 0 for one pass.
    `save_every`, `eval_every`: in steps, 0 for only at the end. `keep`: how many checkpoints stay on disk.
    """

    steps: Count
    lr: Positive = 1e-3
    warmup: Natural = 1000
    schedule: Literal["inverse_sqrt", "cosine", "linear", "constant", "trapezoid"] = "inverse_sqrt"
    final_lr: Share = 0.0
    cooldown: Share = 0.3
    betas: tuple[Factor, Factor] = (0.9, 0.98)
    eps: Positive = 1e-9
    weight_decay: Weight = 0.0
    label_smoothing: Factor = 0.0
    consistency: Weight = 0.0
    clip: Weight = 1.0
    accumulate: Count = 1
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    average: Average = NoAverage()
    save_every: Natural = 1000
    eval_every: Natural = 0
    log_every: Count = 50
    keep: Count = 3
    seed: Natural = 0

    def __post_init__(self) -> None:
        if isinstance(self.average, LastSaved) and self.keep < self.average.count:
            raise SpecError(
                f"plan.average takes the mean of {self.average.count} checkpoints; plan.keep={self.keep} leaves fewer.",
                f"Set plan.keep={self.average.count}.",
            )

    def rehearsed(self, steps: int) -> Plan:
        """So few steps, in which all that happens in a training happens."""
        warmup, accumulate, half = min(self.warmup, 1), min(self.accumulate, 2), steps // 2
        return replace(self, steps=steps, warmup=warmup, accumulate=accumulate, save_every=half, eval_every=half, log_every=1)
