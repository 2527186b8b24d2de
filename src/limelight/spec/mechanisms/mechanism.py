"""What is said of one mechanism, and the one place where it becomes a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...errors import SpecError
from ..model import Model
from .sizes import CHOICES, Sizes


@dataclass(frozen=True)
class Refusal:
    """Why a choice makes no sense with a mechanism; with which one it does, and what it is called there."""

    why: str
    instead: str
    called: str | None = None


@dataclass(frozen=True, kw_only=True)
class Mechanism:
    """An attention mechanism: what it computes, who thought of it, and a model that is made with it.

    `equation`, `shapes`: one line of plain text, in the letters of `limelight.ops`; `source`: paper, section, equation; `about`: what it is
    for, what it costs, when to take it. `refuses`: choices that it has no room for.
    """

    name: str
    group: str
    title: str
    equation: str
    shapes: str
    source: str
    about: str
    make: Callable[[Sizes], Model]
    refuses: Mapping[str, Refusal] = field(default_factory=dict)

    @property
    def takes(self) -> tuple[str, ...]:
        """The choices that may be made with it."""
        return tuple(choice for choice in CHOICES if choice not in self.refuses)

    def build(self, sizes: Sizes) -> Model:
        """The spec of a model of these sizes. Raises SpecError for a choice that makes no sense with the mechanism, with the nearest
        mechanism that it does with, and for sizes that do not fit together."""
        for choice in CHOICES:
            if (chosen := getattr(sizes, choice)) is not None and choice in self.refuses:
                raise self._refused(choice, chosen)
        return self.make(sizes)

    def _refused(self, choice: str, chosen: object) -> SpecError:
        found = self.refuses[choice]
        renamed = f" and {found.called}={chosen}" if found.called else ""
        return SpecError(f'{found.why}: got {choice}={chosen} with mechanism="{self.name}".',
                         f'Use mechanism="{found.instead}"{renamed}, or drop {choice}.')
