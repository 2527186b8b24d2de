"""Explaining: how faithful each way of telling which words decided is, with a classifier, on labelled texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from ....data.opinions import Judged
from ....errors import InputError
from ....hub import Opened
from ....look.evidence import METHODS, Faithful, able, at_random, by_effect, faithful
from ...classify.deciding import class_reading
from ...classify.task import Classify
from ..ways import RANDOM, Ways

CHUNK = 16                               # texts that are read together
Tell = Callable[[int], None]


def measured(opened: Opened, examples: Sequence[Judged], *, each: int, batch: int = 32, tell: Tell = lambda _: None) -> Ways:
    """Every way that works with a classifier, on the first `each` texts of each set. `tell` is called with how many texts are done.

    Raises InputError where no text has a word.
    """
    some = chosen(examples, each)
    found: dict[str, list[Faithful]] = {}
    sets, words = list[str](), list[int]()
    reading = class_reading(opened, batch)
    for first in range(0, len(some), CHUNK):
        tell(first)
        chunk = some[first : first + CHUNK]
        asked = Classify(opened).cases([one.text for one in chunk], batch)
        there = [(one, case) for one, case in zip(chunk, asked, strict=True) if case is not None and case.words]
        cases = [case for _, case in there]
        orders = {name: [by_effect(told.effects) for told in METHODS[name](reading, cases)] for name in able(reading)}
        orders[RANDOM] = [at_random(len(case.words), len(sets) + n) for n, case in enumerate(cases)]
        scores = iter(faithful(reading, [pair for each in orders.values() for pair in zip(cases, each, strict=True)]))
        for name in orders:
            found.setdefault(name, []).extend(islice(scores, len(cases)))
        sets += [one.of for one, _ in there]
        words += [len(case.words) for case in cases]
    tell(len(some))
    if not sets:
        raise InputError("none of the texts has a word.", "Give texts to read.")
    return Ways(found, sets, words, reading.gone.how)


def chosen(examples: Sequence[Judged], each: int) -> list[Judged]:
    """The first texts of each set."""
    names = dict.fromkeys(one.of for one in examples)
    return [one for name in names for one in islice((one for one in examples if one.of == name), each)]
