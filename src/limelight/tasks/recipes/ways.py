"""Ways: how faithful each way of telling which words decided was found to be with one model, on texts that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from ...look.evidence import STEPS, Faithful
from ...manifest import Evidence, Faithfulness
from ...measure.intervals import Estimate, difference, over_seeds
from .scores import Aside

RANDOM = "random order"


@dataclass(frozen=True, eq=False)
class Ways:
    """What was found. `each`: text by text, by method, and for an order that knows nothing; `sets`: the set that each text is of; `words`:
    how many each has; `how`: what was done with a word to do without it."""

    each: Mapping[str, Sequence[Faithful]]
    sets: Sequence[str]
    words: Sequence[int]
    how: str

    @cached_property
    def ranked(self) -> tuple[str, ...]:
        """The methods, the best first: by how much more is lost without the first words than with these alone."""
        return tuple(sorted((name for name in self.each if name != RANDOM), key=lambda name: -fmean(self.gains(name))))

    def gains(self, name: str) -> list[float]:
        """Comprehensiveness less sufficiency, text by text."""
        return [each.comprehensiveness - each.sufficiency for each in self.each[name]]

    def comprehensiveness(self, name: str, of: str | None = None) -> Estimate:
        """Its mean over texts, or those of one set, with Student's interval."""
        return _mean([each.comprehensiveness for each in self._some(name, of)])

    def sufficiency(self, name: str, of: str | None = None) -> Estimate:
        """The same of sufficiency."""
        return _mean([each.sufficiency for each in self._some(name, of)])

    def beyond(self, name: str, other: str) -> Estimate:
        """By how much one gains more than another, text by text."""
        return replace(difference(self.gains(name), self.gains(other)), each=())

    def curve(self, name: str) -> list[Estimate]:
        """The label's probability as words go, at each share of STEPS."""
        return [_mean([each.curve[n] for each in self.each[name]]) for n in range(len(STEPS))]

    @property
    def evidence(self) -> Evidence:
        """What a model's folder keeps of it."""
        found = {name: self._kept(name) for name in (*self.ranked, RANDOM)}
        return Evidence(
            methods=tuple(found[name] for name in self.ranked),
            random=found[RANDOM],
            measured_on=", ".join(dict.fromkeys(self.sets)),
            texts=len(self.sets),
        )

    @property
    def aside(self) -> Aside:
        """As people and programs read it beside scores."""
        lines = [
            f"{name}: comprehensiveness {self.comprehensiveness(name)}, sufficiency {self.sufficiency(name)}"
            for name in (*self.ranked, RANDOM)
        ]
        rows = [
            {"method": name, "comprehensiveness": _plain(self.comprehensiveness(name)), "sufficiency": _plain(self.sufficiency(name))}
            for name in (*self.ranked, RANDOM)
        ]
        return Aside("\n".join(lines), {"evidence": rows, "evidence_texts": len(self.sets)})

    def _some(self, name: str, of: str | None) -> list[Faithful]:
        return [each for each, where in zip(self.each[name], self.sets, strict=True) if of in (None, where)]

    def _kept(self, name: str) -> Faithfulness:
        both = self.comprehensiveness(name), self.sufficiency(name)
        within = tuple(0.0 if each.high is None else round(each.high - each.mean, 4) for each in both)
        return Faithfulness(
            method=name,
            comprehensiveness=round(both[0].mean, 4),
            sufficiency=round(both[1].mean, 4),
            within=(within[0], within[1]),
        )


def _mean(values: Sequence[float]) -> Estimate:
    return replace(over_seeds(values), each=())


def _plain(found: Estimate) -> dict[str, Any]:
    return {"mean": round(found.mean, 4), "low": found.low and round(found.low, 4), "high": found.high and round(found.high, 4)}
