"""Claim: what is said of attention, who said it, what would refute it, and the function that looks whether it is so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import torch

from ..measure import busy, machine, versions
from ..values import plain
from .findings import Conditions, Findings, Found, settled
from .lab import Lab

Size = Literal["quick", "full"]


@dataclass(frozen=True)
class Claim:
    """`number`: in the list of claims. `statement`: the claim in words. `source`: paper, section or figure. `refuted_by`: what would
    show it wrong. `sizes`: the setting under each size, a frozen value; `measure` is given a lab and one of them."""

    number: int
    name: str
    statement: str
    source: str
    refuted_by: str
    sizes: Mapping[Size, Any]
    measure: Callable[[Lab, Any], Found]

    def run(self, lab: Lab, size: Size) -> Findings:
        """Measure it in a lab and judge it. What the lab has kept from before is not measured again."""
        began, before, cells, spent = datetime.now(UTC), busy(), lab.cells, lab.seconds
        found = self.measure(lab, self.sizes[size])
        conditions = Conditions(
            size=size,
            seeds=lab.seeds,
            setting=plain(self.sizes[size]),
            machine=machine(),
            versions=versions(),
            threads=torch.get_num_threads(),
            busy=(before, busy()),
            date=began.isoformat(timespec="seconds"),
            seconds=round(lab.seconds - spent, 1),
            cells=lab.cells - cells,
        )
        return settled(self.name, found, conditions)
