"""Train, valid and test parts that share no source sentence, nor one that differs only in case or punctuation."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from .parallel import Pair


@dataclass(frozen=True)
class Example:
    """A source sentence with all its translations in the file's order; the first is *the* reference where one is wanted."""

    source: str
    references: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Split:
    """The three parts. `train` is in the file's order without repeated pairs; `valid` and `test` have each source once."""

    train: list[Pair]
    valid: list[Example]
    test: list[Example]


def split_by_source(pairs: Sequence[Pair], *, test: int, valid: int, seed: int) -> Split:
    """Set aside `test` and `valid` unique source sentences, drawn by `seed`; all pairs of the others are for training.

    Sentences that differ only in case, punctuation or spacing ("Go." and "Go!") go into the same part. Which sentences are drawn depends
    on the seed and on the set of sentences, not on their order. Raises InputError where there are too few to set that many aside.
    """
    unique = dict.fromkeys(pairs)
    keys = {source: twin_key(source) for source in dict.fromkeys(pair.source for pair in unique)}
    groups: dict[str, dict[str, list[str]]] = {}
    for pair in unique:
        groups.setdefault(keys[pair.source], {}).setdefault(pair.source, []).append(pair.target)
    aside: tuple[list[Example], list[Example]] = ([], [])
    wanted = (test, valid)
    taken: set[str] = set()
    for key in _drawn(groups, seed):
        for part, size in zip(aside, wanted, strict=True):
            if len(part) + len(groups[key]) <= size:
                part.extend(Example(source, tuple(targets)) for source, targets in sorted(groups[key].items()))
                taken.add(key)
                break
        if all(len(part) == size for part, size in zip(aside, wanted, strict=True)):
            break
    train = [pair for pair in unique if keys[pair.source] not in taken]
    if not train or any(len(part) < size for part, size in zip(aside, wanted, strict=True)):
        there = f"there are {len(keys)}, {len(groups)} without twins"
        raise InputError(
            f"cannot set aside {test} + {valid} source sentences and train on the rest: {there}.",
            "Ask for fewer, or give more data.",
        )
    return Split(train=train, valid=aside[1], test=aside[0])


def twin_key(text: str) -> str:
    """What is left of a sentence without case, punctuation and spacing; sentences with the same key are twins."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join(folded.translate(_SPOKEN).split()) or folded


class _Spoken(dict[int, int]):
    """Letters, digits and marks on them, or a space for any other character; each asked about once."""

    def __missing__(self, code: int) -> int:
        kept = chr(code).isalnum() or unicodedata.combining(chr(code))
        self[code] = code if kept else ord(" ")
        return self[code]


_SPOKEN = _Spoken()


def _drawn(keys: Iterable[str], seed: int) -> list[str]:
    return sorted(keys, key=lambda key: lot(seed, key))


def lot(seed: int, key: object) -> bytes:
    """What is drawn for a key: the same on every machine, whatever else is drawn for."""
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
