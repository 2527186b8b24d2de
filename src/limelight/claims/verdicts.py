"""From intervals to verdicts, by rules that are the same for every claim and never by taste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ..errors import InputError
from ..measure.intervals import Estimate
from ..values import value

Outcome = Literal["holds", "fails", "open"]
Word = Literal["holds here", "does not hold here", "depends"]
RULES = """A claim is put as checks: a difference that must lie above or below a bound, within a bound on either side, or be zero exactly.
A check holds where its whole 95 % interval lies where the claim puts it, fails where the whole interval lies elsewhere, and is open where
the interval reaches to both sides, or where there is but one value and so no interval. A claim *holds here* where all of its checks hold,
*does not hold here* where at least one fails and none holds, and *depends* in all other cases."""


@value
class Check:
    """One thing that a claim says must be so. `says`: what was measured; `unit`: of the figure.

    "above", "below": the bound; "within": no further from zero than the bound; "zero": exactly.
    """

    says: str
    found: Estimate
    wanted: Literal["above", "below", "within", "zero"]
    bound: float = 0.0
    unit: str = ""

    @property
    def outcome(self) -> Outcome:
        """Whether it holds."""
        if self.wanted == "zero":
            return "fails" if any(self.found.each or (self.found.mean,)) else "holds"
        low, high = self.found.low, self.found.high
        if low is None or high is None:
            return "open"
        match self.wanted:
            case "above":
                inside, outside = low > self.bound, high < self.bound
            case "below":
                inside, outside = high < self.bound, low > self.bound
            case _:
                inside, outside = -self.bound <= low and high <= self.bound, low > self.bound or high < -self.bound
        return "holds" if inside else "fails" if outside else "open"

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.says}: {self.found}{unit} (wanted: {self.wish})"

    @property
    def wish(self) -> str:
        """What the claim wants the figure to be."""
        return {
            "above": f"above {self.bound:g}",
            "below": f"below {self.bound:g}",
            "within": f"within {self.bound:g} of zero",
            "zero": "exactly zero",
        }[self.wanted]


@value
class Verdict:
    """A word, and the reason, which is made of the figures."""

    word: Word
    reason: str


def from_on(checks: Sequence[Check], best: float, least: float, why: str) -> tuple[list[Check], list[str]]:
    """Checks and no note, where the best figure is `least` or more; else the same without intervals, and so all open, and why: differences
    of nothing may be sure, and mean nothing."""
    if best >= least:
        return list(checks), []
    return [replace(each, found=Estimate(mean=each.found.mean, each=each.found.each)) for each in checks], [why]


def judge(checks: Sequence[Check]) -> Verdict:
    """The verdict that the checks come to. Raises InputError for no checks."""
    if not checks:
        raise InputError("a verdict is made of checks: got none.", "Let the claim measure something.")
    told: dict[Outcome, list[str]] = {"holds": [], "fails": [], "open": []}
    for check in checks:
        told[check.outcome].append(str(check))
    holds, fails, undecided = told.values()
    if not fails and not undecided:
        return Verdict(word="holds here", reason=f"All that it says was found: {'; '.join(holds)}.")
    begin = f"{len(holds)} of {len(checks)} checks hold."
    against = (("Fails: ", fails), ("Not settled: ", undecided))
    reason = " ".join([begin, *(f"{name}{'; '.join(found)}." for name, found in against if found)])
    return Verdict(word="does not hold here" if fails and not holds else "depends", reason=reason)
