"""Attention, as data: how many heads, of what width, by which score and weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..errors import SpecError
from ..values import value
from .positions import Count
from .scores import Dot, ScaledDot, Score
from .weights import Hard, Kernel, Local, Predicted, Soft, Weights

MOST_HEADS = 4096                        # where hints are looked for

Share = Annotated[float, Field(ge=0, lt=1)]


@value
class Norm:
    """Layer norm (Ba et al. 2016) or root-mean-square norm (Zhang and Sennrich 2019)."""

    kind: Literal["layer", "rms"] = "layer"
    eps: Annotated[float, Field(gt=0)] = 1e-5


@value
class Attention:
    """Heads of queries over (perhaps fewer) heads of keys and values.

    `kv_heads`: None for as many as `heads`; 1 is multi-query (Shazeer 2019), between is grouped-query (Ainslie et al. 2023).
    `maps`: which of queries, keys, values and output go through a linear map of their own (all of a Transformer's do; Luong's dot product
    compares states as they are); `bias`: which of these maps carry a bias. `window`: keys this many slots away, or more, are not seen.
    `local`: where in another sequence a query looks. `norm`: each head's queries and keys are normed before they meet (Henry et al. 2020;
    Qwen3).
    """

    heads: Count
    kv_heads: Count | None = None
    head_dim: Count | None = None
    maps: str = "qkvo"
    bias: str = "qkvo"
    score: Score = ScaledDot()
    weights: Weights = Soft()
    window: Count | None = None
    local: Local | None = None
    norm: Norm | None = None
    dropout: Share = 0.0

    def __post_init__(self) -> None:
        if self.heads % self.groups:
            tries = f"Try one of {_divisors(self.heads)}."
            raise SpecError(f"kv_heads must divide heads: heads={self.heads}, kv_heads={self.kv_heads}.", tries)
        for name, letters in (("maps", self.maps), ("bias", self.bias)):
            if unknown := set(letters) - set("qkvo"):
                known = "".join(each for each in "qkvo" if each in letters)
                raise SpecError(f'{name} names projections among "qkvo": got {letters!r}, unknown {"".join(sorted(unknown))!r}.',
                                f'Set {name}="{known}".')
        if bare := set(self.bias) - set(self.maps):
            raise SpecError(f"bias={self.bias!r} wants maps that are not there: {''.join(sorted(bare))!r} is not in maps={self.maps!r}.",
                            f'Set bias="{"".join(each for each in self.bias if each in self.maps)}".')
        if isinstance(self.weights, Kernel):
            self._check_kernel()
        if isinstance(self.weights, Hard) and self.weights.estimator == "enumerate" and self.heads > 1:
            raise SpecError(f"every key is tried, and {self.heads} heads would try every combination: got heads={self.heads}.",
                            'Use heads=1, or estimator="reinforce".')
        if isinstance(self.local, Predicted) and not isinstance(self.weights, Soft):
            raise SpecError(f"weights that fade from a predicted place are softmax's (Luong et al. 2015): got weights={self.weights.kind}.",
                            f"Use weights=Soft(), or local=Monotonic(width={self.local.width}).")

    def _check_kernel(self) -> None:
        if not isinstance(self.score, Dot | ScaledDot):
            raise SpecError(f"linear attention has a score of its own, phi(q) . phi(k): got score={self.score.kind}.",
                            "Use score=ScaledDot(), or weights=Soft().")
        if self.window is not None or self.local is not None or self.dropout:
            odd = "window" if self.window is not None else "local" if self.local is not None else "dropout"
            raise SpecError(f"linear attention never makes the weights one by one, so it cannot change some of them: got {odd}.",
                            f"Leave {odd} out, or use weights=Soft().")

    @property
    def groups(self) -> int:
        """How many heads of keys and values there are."""
        return self.kv_heads or self.heads

    def width(self, dim: int) -> int:
        """The width of one head in a model of width `dim`. Raises SpecError where heads do not divide it, or where what is not mapped
        does not fit."""
        if self.head_dim is None and dim % self.heads:
            near = sorted(_divisors(dim), key=lambda h: abs(h - self.heads))[:2]
            tries = " or ".join(f"heads={h}" for h in sorted(near))
            raise SpecError(
                f"heads must divide dim: dim={dim}, heads={self.heads}.", f"Try {tries}, or head_dim={max(1, dim // self.heads)}."
            )
        width = self.head_dim or dim // self.heads
        made = {"q": self.heads * width, "k": self.groups * width, "v": self.groups * width, "o": self.heads * width}
        if odd := [name for name, size in made.items() if name not in self.maps and size != dim]:
            raise SpecError(
                f"without a map, {', '.join(odd)} must be as wide as the model: dim={dim}, heads of {width}.",
                f'Add them: maps="{"".join(each for each in "qkvo" if each in self.maps or each in odd)}".',
            )
        return width


def _divisors(n: int) -> list[int]:
    """Those that a number of heads may be; a file may ask for 10^12."""
    return [each for each in range(1, min(n, MOST_HEADS) + 1) if n % each == 0]


