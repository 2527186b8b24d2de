"""How a model asks to be used, as its folder says: the rules of its answers."""

from __future__ import annotations

from ..decode import Ending, Filter, Forced, MinLength, NeverInARow, NoRepeat, RepetitionPenalty, Suppress, SuppressFirst
from ..manifest import Generation


def rules(g: Generation, ending: Ending) -> list[Filter]:
    """The filters of a model's own settings, in the order in which they hold: the last word is had by what is forced."""
    found: list[Filter] = []
    if g.repetition_penalty != 1.0:
        found.append(RepetitionPenalty(penalty=g.repetition_penalty))
    if g.no_repeat:
        found.append(NoRepeat(size=g.no_repeat))
    if single := tuple(run[0] for run in g.never if len(run) == 1):
        found.append(Suppress(tokens=single))
    if longer := tuple(run for run in g.never if len(run) > 1):
        found.append(NeverInARow(runs=longer))
    if g.min_length:
        found.append(MinLength(length=min(g.min_length, ending.max_length), end=g.end))
    if g.never_first:
        found.append(SuppressFirst(tokens=g.never_first))
    forced = [] if g.first is None else [(0, g.first)]
    forced += [] if g.last is None or ending.max_length < 2 else [(ending.max_length - 1, g.last)]
    return [*found, Forced(at=tuple(forced))] if forced else found
