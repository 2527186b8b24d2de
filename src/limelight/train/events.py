"""What a training says while it runs. The command line, a page and the tests read the same stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Started:
    """The training begins after `step` (0, or where `resumed` left off); `skipped`: torn checkpoints passed over.

    `part`: which part of a whole learns now, where it learns in parts; `counts`: what its tokens are, where they are not the whole's.
    """

    step: int
    steps: int
    parameters: int
    device: str
    precision: str
    resumed: Path | None = None
    skipped: tuple[str, ...] = ()
    part: str = ""
    counts: str = ""


@dataclass(frozen=True)
class Stepped:
    """Means since the last such event, by target token: `loss` as trained, `nll` without smoothing, in nats.

    `tokens`: target tokens seen in the whole training. `seconds_left`: at the present speed.
    """

    step: int
    loss: float
    nll: float
    lr: float
    grad_norm: float
    tokens: int
    tokens_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Evaluated:
    """The scores that the caller's `evaluate` gave, with averaged weights where the plan averages."""

    step: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Saved:
    """A checkpoint is on disk, whole."""

    step: int
    path: Path


@dataclass(frozen=True)
class Stopped:
    """The training was asked to stop; `path` is where it can be taken up again, None where nothing is kept."""

    step: int
    reason: str
    path: Path | None = None


@dataclass(frozen=True)
class Finished:
    """All steps are done. The model now holds the averaged weights where the plan averages."""

    step: int
    tokens: int
    seconds: float
    path: Path | None = None


Event = Started | Stepped | Evaluated | Saved | Stopped | Finished


def to_plain(event: Event) -> dict[str, Any]:
    """An event as plain JSON data, with its kind in lower case under "event"."""
    fields = {name: str(item) if isinstance(item, Path) else item for name, item in asdict(event).items()}
    return {"event": type(event).__name__.lower(), **fields}
