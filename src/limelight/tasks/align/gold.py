"""Gold word alignments: sentence pairs in words, with the links that people drew, in the formats that such sets are published in.

    pairs  one file of "source ||| target", or two files, a sentence a line (in "<s snum=7> ... </s>" where lines have numbers)
    links  a line a pair: "1-1 2-3" (sure), "2p4" or "2?4" (possible), counted from 0 (Pharaoh) or from 1 (neulab/awesome-align)
           or a line a link: "7 2 3" or "7 2 3 P", the pair's number first, all counted from 1 (Mihalcea and Pedersen 2003)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

from ...data.lines import lines
from ...errors import InputError
from ...look.align import Link

First = Literal[0, 1]
BAR = "|||"
_NUMBERED = re.compile(r"<s\s+snum=\"?0*(\d+)\"?\s*>(.*)</s>\s*")
_ITEM = re.compile(r"(\d+)([-p?])(\d+)")
_LINK = re.compile(r"\s*0*(\d+)\s+(\d+)\s+(\d+)(?:\s+([SP]))?(?:\s+[\d.]+)?\s*")


@dataclass(frozen=True)
class Gold:
    """A sentence pair in words, with the links that annotators were sure of and those that they held possible."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    sure: frozenset[Link]
    possible: frozenset[Link]


class _Drawn(NamedTuple):
    """A link as it stands in its file. `line`: its number there; `told`: the line, for a message."""

    pair: int
    i: int
    j: int
    sure: bool
    line: int
    told: str


def read_gold(pairs: Path | Sequence[Path], links: Path, *, first: First | None = None) -> list[Gold]:
    """Read pairs (one file, or the source's and the target's) and their links; links are counted from 0 here.

    `first`: what links are counted from in a file that has a line a pair; None where the links tell: one is 0, or one is as high as a
    sentence has words. Raises InputError, with file and line, for files that cannot be read, are of different lengths or in none of these
    formats, a sentence without words, a link outside its sentences, and where nothing tells what links are counted from.
    """
    files = [pairs] if isinstance(pairs, Path) else list(pairs)
    told = _pairs(files)
    where, words = ", ".join(map(str, files)), [(tuple(a.split()), tuple(b.split())) for a, b in told.values()]
    drawn, least = _drawn(links, list(told), where)
    least = _first(drawn, words, links) if first is None and least is None else least if least is not None else first or 0
    found: list[tuple[set[Link], set[Link]]] = [(set(), set()) for _ in words]
    for each in drawn:
        i, j = each.i - least, each.j - least
        if not (0 <= i < len(words[each.pair][0]) and 0 <= j < len(words[each.pair][1])):
            sizes = " and ".join(str(len(side)) for side in words[each.pair])
            raise InputError(
                f"{links}, line {each.line}: a link points outside the pair, which has {sizes} words: got {each.told[:60]!r}.",
                "Is this the right link file?",
            )
        found[each.pair][0 if each.sure else 1].add((i, j))
    return [Gold(*sides, frozenset(s), frozenset(s | p)) for sides, (s, p) in zip(words, found, strict=True)]


# --- pairs ------------------------------------------------------------------------------------------------------------
def _pairs(files: Sequence[Path]) -> dict[int, tuple[str, str]]:
    """The sentences of each pair, by its number."""
    if len(files) == 1:
        found = {number: _halves(files[0], number, line) for number, line in lines(files[0])}
    elif len(files) == 2:
        source, target = map(_numbered, files)
        if source.keys() != target.keys():
            said = f"{files[0]} has {len(source)} sentences, {files[1]} has {len(target)}, or others."
            raise InputError(said, "Are they of the same set?")
        found = {number: (source[number], target[number]) for number in source}
    else:
        raise InputError(f"sentence pairs are in one file or in two: got {len(files)}.", "Give the file of pairs, or source and target.")
    if empty := next((number for number, pair in found.items() if not all(map(str.split, pair))), None):
        raise InputError(f"{files[0]}, line {empty}: a sentence without words.", "Leave such pairs out, and their links.")
    return found


def _halves(path: Path, number: int, line: str) -> tuple[str, str]:
    source, bar, target = line.partition(BAR)
    if not bar or not source.strip() or not target.strip():
        raise InputError(f'{path}, line {number}: wanted "source {BAR} target": got {line[:60]!r}.', "Is this the file of pairs?")
    return source, target


def _numbered(path: Path) -> dict[int, str]:
    """Sentences by the number that they are given, or by that of their line."""
    found: dict[int, str] = {}
    for number, line in lines(path):
        told = _NUMBERED.fullmatch(line)
        key, sentence = (int(told[1]), told[2]) if told else (number, line)
        if key in found:
            raise InputError(f"{path}, line {number}: a second sentence of the number {key}.", "Give each a number of its own.")
        found[key] = sentence
    return found


# --- links ------------------------------------------------------------------------------------------------------------
def _drawn(path: Path, numbers: Sequence[int], where: str) -> tuple[list[_Drawn], First | None]:
    """All links, and what they are counted from, where the format tells that."""
    rows = list(lines(path))
    if rows and all(_LINK.fullmatch(line) for _, line in rows if line.strip()) and any(line.strip() for _, line in rows):
        return list(_by_number(path, rows, {number: at for at, number in enumerate(numbers)})), 1
    if len(rows) != len(numbers):
        raise InputError(f"{where} has {len(numbers)} pairs, {path} links for {len(rows)}.", "Are they of the same set?")
    return list(chain.from_iterable(_in_line(path, at, *row) for at, row in enumerate(rows))), None


def _by_number(path: Path, rows: Sequence[tuple[int, str]], places: dict[int, int]) -> Iterator[_Drawn]:
    for number, line in rows:
        if not (found := _LINK.fullmatch(line)):
            continue
        if int(found[1]) not in places:
            raise InputError(f"{path}, line {number}: there is no pair {int(found[1])}: got {line[:60]!r}.", "Is this the right link file?")
        if int(found[2]) and int(found[3]):                          # 0 stands for no word at all
            yield _Drawn(places[int(found[1])], int(found[2]), int(found[3]), found[4] != "P", number, line)


def _in_line(path: Path, pair: int, number: int, line: str) -> Iterator[_Drawn]:
    for item in line.split():
        if not (found := _ITEM.fullmatch(item)):
            raise InputError(f"{path}, line {number}: links are written 3-4 or 3p4: got {item[:60]!r}.", "Or, a link a line: 7 3 4 S.")
        yield _Drawn(pair, int(found[1]), int(found[3]), found[2] == "-", number, item)


def _first(drawn: Sequence[_Drawn], words: Sequence[tuple[Sequence[str], Sequence[str]]], path: Path) -> First:
    zero = next((each for each in drawn if 0 in (each.i, each.j)), None)
    full = next((each for each in drawn if each.i == len(words[each.pair][0]) or each.j == len(words[each.pair][1])), None)
    if zero and full:
        lines = f"line {zero.line} has {zero.told!r}, line {full.line} {full.told!r}"
        raise InputError(f"{path} counts from 0 in one place and from 1 in another: {lines}.", "Are they of these pairs?")
    if not zero and not full and drawn:
        raise InputError(f"{path}: nothing tells whether links are counted from 0 or from 1.", "Say which.")
    return 0 if zero else 1
