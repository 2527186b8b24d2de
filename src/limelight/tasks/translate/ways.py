"""Ways to align words: which attention, which of its heads, by which step, and how their weights are read."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from ...look.align import TINY, Linking
from ...manifest import Aligner


class Way(NamedTuple):
    """One way to align: see manifest.Aligner, whose fields these are."""

    attention: str
    heads: tuple[int, ...]
    shift: int
    normed: bool = False
    share: float = 1.0
    null: float = 1.0
    even: bool = False
    signs: bool = False
    least: float = 0.0

    @property
    def linking(self) -> Linking:
        """How weights become links."""
        return Linking(**{name: getattr(self, name) for name in Linking._fields})


def way_of(aligner: Aligner) -> Way:
    """The way that was measured."""
    return Way(**{name: getattr(aligner, name) for name in Way._fields})


def by_norm(weights: Float[Tensor, "h q k"], norms: Float[Tensor, "h k"]) -> Float[Tensor, "h q k"]:
    """Weights counted by the norm of what they bring (Kobayashi et al. 2020, section 3), as shares again."""
    found = weights * norms[:, None]
    return found / found.sum(-1, keepdim=True).clamp(min=TINY)


def shifted(weights: Float[Tensor, "h q k"], shift: int) -> Float[Tensor, "h q k"]:
    """For each token what the step took that chose it; with `shift` 1, the step that has it as input, and for the last, its own."""
    steps = weights.shape[1]
    return weights[:, [min(i + shift, steps - 1) for i in range(steps)]]
