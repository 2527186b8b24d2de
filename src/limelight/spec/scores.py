"""Scores: how a query and a key are compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..values import value


@value
class Dot:
    """q . k (Luong et al. 2015, equation 8; T5 and GPT-Neo use it unscaled)."""

    kind: Literal["dot"] = "dot"


@value
class ScaledDot:
    """q . k * scale; `scale` None means 1 / sqrt(head width) (Vaswani et al. 2017, equation 1)."""

    kind: Literal["scaled_dot"] = "scaled_dot"
    scale: Annotated[float, Field(gt=0)] | None = None


@value
class General:
    """q W k, with a learned W for each head (Luong et al. 2015, equation 8)."""

    kind: Literal["general"] = "general"


@value
class Additive:
    """v . tanh(q + k), with a learned v for each head (Bahdanau et al. 2015, appendix A.1.2; Luong's concat)."""

    kind: Literal["additive"] = "additive"


Score = Annotated[Dot | ScaledDot | General | Additive, Field(discriminator="kind")]
