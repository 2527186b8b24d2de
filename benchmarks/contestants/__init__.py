"""Contestants: each library opens the same weights as its users would, in each precision that it has.

One folder holds a model as transformers writes it; what another library reads is made from that folder, once. A contestant that is
not installed, or cannot be made, is left out and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from torch import Tensor

from limelight.errors import LimelightError

from ..machine import installed

Rows = list[list[int]]
Writes = Callable[[Rows, int], Rows]       # prompts of one length, how many new tokens -> those tokens
Reads = Callable[[Rows], Tensor]           # rows of any lengths -> logits of their classes (b c), fp32
Views = Callable[[Tensor], Tensor]         # pictures (b 3 h w), made ready -> logits of their classes (b c), fp32
Hears = Callable[[Tensor, int], Rows]      # frames of sound (b f n), how many tokens to write -> those tokens
Grows = Callable[[Rows], "Standing"]       # contexts of one length -> where they can be gone on from
T = TypeVar("T")
A = TypeVar("A")
LIMELIGHT = "limelight"


@dataclass(frozen=True)
class Contestant(Generic[T]):
    """One library in one precision. `needs`: its packages; `opens`: makes it ready."""

    name: str
    precision: str
    opens: Callable[[], T]
    needs: tuple[str, ...] = ()

    def then(self, made: Callable[[T], A]) -> Contestant[A]:
        """The same, with something made of what is opened."""
        return Contestant(self.name, self.precision, lambda: made(self.opens()), self.needs)


@dataclass(frozen=True)
class Standing:
    """Contexts that were read. `write`: go on for so many tokens, greedily, and forget them again; `bytes`: of the cache, where told."""

    write: Callable[[int], None]
    bytes: int | None = None


@dataclass(frozen=True)
class Field(Generic[T]):
    """Who takes part, and who does not: name -> why."""

    ready: dict[str, T]
    precision: dict[str, str]
    left_out: dict[str, str]

    def leave_out(self, name: str, error: Exception) -> None:
        """One cannot take part. Raises the error where it is a fault of ours, and not what Limelight says that it cannot do here."""
        if name.startswith(LIMELIGHT) and not isinstance(error, LimelightError):
            raise error
        self.ready.pop(name, None)
        said = str(error).strip().splitlines() or [""]
        self.left_out[name] = f"{type(error).__name__}: {said[0][:160]}"


def gather(contestants: Iterable[Contestant[T]]) -> Field[T]:
    """Open them all."""
    field: Field[T] = Field({}, {}, {})
    for each in contestants:
        absent = [package for package in each.needs if not installed(package)]
        if absent:
            field.left_out[each.name] = f"not installed: {', '.join(absent)}"
            continue
        try:
            field.ready[each.name] = each.opens()
            field.precision[each.name] = each.precision
        except Exception as error:          # whatever a peer stumbles over, the others are to be measured
            field.leave_out(each.name, error)
    return field


def tried(field: Field[T], work: Callable[[T], A]) -> dict[str, A]:
    """What each makes of some work, the first time: those that cannot do it leave the field."""
    found = {}
    for name, each in list(field.ready.items()):
        try:
            found[name] = work(each)
        except Exception as error:          # as above
            field.leave_out(name, error)
    return found


def same(ours: Rows, theirs: Rows) -> float:
    """The share of tokens that are equal, place by place."""
    pairs = [(a, b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True)]
    return round(sum(a == b for a, b in pairs) / len(pairs), 4)
