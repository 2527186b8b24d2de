"""The exam of resolve: what pronouns stand for, on GAP (Webster et al. 2018), by what a model says and by where its heads look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ...data import Table, cell, read_table
from ...errors import InputError, TaskError
from ...hub import Opened
from ...manifest import Measure
from ...measure.intervals import Estimate, over_items
from ..fitness import able
from ..reading.places import find, seen_around, tokens_of
from ..resolve.pointing import Aim, attend_all, self_attentions
from ..resolve.pronouns import Pronoun
from ..resolve.task import Resolve
from .exam import Asking, Report
from .pairs import PRONOUNS, Paired, pronoun_pairs

MASCULINE, FEMININE = {"he", "him", "his"}, {"she", "her", "hers"}
SAID, LOOKED = "the likelihood", "the best head"
COLUMNS = ("Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref", "B", "B-offset", "B-coref")
NEITHER = -1                             # no name was chosen: the model cannot read both at once


@dataclass(frozen=True)
class Item:
    """A text, its pronoun, and two names with their places, either or neither of which it stands for."""

    text: str
    pronoun: str
    at: int
    names: tuple[str, str]
    places: tuple[int, int]
    right: tuple[bool, bool]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The pronoun's characters, and the names'."""
        return [(self.at, self.at + len(self.pronoun)), *((p, p + len(n)) for p, n in zip(self.places, self.names, strict=True))]

    @property
    def nearest(self) -> int:
        """The name that stands nearest."""
        away = [min(abs(self.at - a), abs(self.at - b)) for a, b in self.spans[1:]]
        return int(away[1] < away[0])


class Resolving:
    """See Exam. The head is chosen on one file (validation) and measured on the other (development), or on the halves of a single one. A
    model with a language model's head is also asked which name makes the text likelier."""

    hears: ClassVar[tuple[str, ...]] = ("choose_on",)

    def take(self, opened: Opened, asked: Asking) -> Report:
        """F1 as GAP defines it: overall, by the pronoun's gender, and their ratio; and our own minimal pairs."""
        if not self_attentions(opened):
            raise TaskError(f"{opened.manifest.name} has no self-attention: none of its heads looks from a pronoun to a name.")
        if not asked.data:
            pairs = _pairs(opened, None, asked.batch)
            return Report(pairs.lines, {"minimal_pairs": pairs.plain})
        choose, held, name = read_gap(asked)
        looks, rest = looked(opened, choose, asked.batch), looked(opened, held, asked.batch)
        asked.tell(len(choose) + len(held))
        best = max(range(looks.shape[1]), key=lambda head: f1(choose, looks[:, head].tolist()))
        head = _named(opened, best)
        picks = {f"{LOOKED} ({head})": rest[:, best].tolist()}
        if _speaks(opened):
            picks[SAID] = said(opened, held, asked.batch)                # what limelight resolve answers by
        near = [each.nearest for each in held]
        rows = {way: _scores(held, chosen) for way, chosen in picks.items()} | {"the nearest name": _scores(held, near)}
        top = list(picks)[-1]
        found = _measure(held, picks[top], near, top, name)
        pairs = _pairs(opened, best, asked.batch)
        lines = [
            f"F1 on {len(held)} texts of {name}; the head is chosen on {len(choose)} others",
            *(_line(way, row) for way, row in rows.items()),
            str(found),
            "",
            *pairs.lines,
        ]
        plain = {"data": name, "texts": len(held), "choose_on": len(choose), "scores": rows, "minimal_pairs": pairs.plain}
        return Report(tuple(lines), plain, measure=found)


def read_gap(asked: Asking) -> tuple[list[Item], list[Item], str]:
    """Texts to choose on, texts to measure on, and what those are called: of a folder with a validation and a development table, of two
    tables, or of one that is divided. Raises InputError, with the row, for what is not in GAP's format."""
    files = list(asked.data)
    if len(files) == 1 and files[0].is_dir():
        files = [_only(files[0], kind) for kind in ("validation", "development")]
    tables = [_items(path) for path in files]
    if len(tables) == 1:
        count = asked.choose_on or len(tables[0]) // 2
        tables = [tables[0][:count], tables[0][count:]]
    if len(tables) != 2:
        raise InputError(f"pronouns are one table or two: got {len(tables)} of --data.", "To choose on, and to measure on.")
    choose, held = tables[0][: asked.choose_on], tables[1][: asked.limit]
    if not choose or not held:
        raise InputError(f"{len(choose)} texts to choose on and {len(held)} to measure on.", "Both are wanted.")
    return choose[: asked.limit], held, files[-1].stem


def looked(opened: Opened, items: Sequence[Item], batch: int) -> Tensor:
    """Which name each head looks at more from the pronoun: (items heads), 0 or 1, and NEITHER for texts that do not fit."""
    heads = sum(each.heads for each in self_attentions(opened).values())
    out = torch.full((len(items), heads), NEITHER)
    aims = {i: aim for i, item in enumerate(items) if (aim := _aim(opened, item)) is not None}
    for i, weights in zip(aims, attend_all(opened, list(aims.values()), batch=batch), strict=True):
        flat = weights.flatten(0, 1)
        out[i] = (flat[:, 1] > flat[:, 0]).long()
    return out


def said(opened: Opened, items: Sequence[Item], batch: int) -> list[int]:
    """Which name makes each text likelier; NEITHER where the model cannot tell."""
    resolve, out = Resolve(opened), [NEITHER] * len(items)
    asked: dict[int, Pronoun] = {}
    for i, item in enumerate(items):
        pronoun = Pronoun(item.text, item.names, item.at)
        try:
            resolve.check(pronoun)
        except InputError:                                           # one name twice, too long, nothing after the pronoun
            continue
        asked[i] = pronoun
    for i, found in zip(asked, resolve(list(asked.values()), batch=batch) if asked else (), strict=True):
        out[i] = items[i].names.index(found.answer)
    return out


def f1(items: Sequence[Item], picks: Sequence[int]) -> float:
    """GAP's measure: each name of each text is a decision of its own; 0 where nothing is right."""
    return _f1(_counts(items, picks).sum(0))


def _counts(items: Sequence[Item], picks: Sequence[int]) -> np.ndarray:
    """For each text: names rightly chosen, chosen, and right."""
    rows = [(pick != NEITHER and item.right[pick], pick != NEITHER, sum(item.right)) for item, pick in zip(items, picks, strict=True)]
    return np.array(rows, dtype=int).reshape(-1, 3)


def _f1(counts: np.ndarray) -> float:
    hits, chosen, right = counts.tolist()
    return 2 * hits / (chosen + right) if chosen + right else 0.0


def _estimate(items: Sequence[Item], picks: Sequence[int]) -> Estimate:
    counts = _counts(items, picks)
    return over_items(len(items), lambda drawn: _f1(counts[np.asarray(drawn)].sum(0)))


def _scores(items: Sequence[Item], picks: Sequence[int]) -> dict[str, Any]:
    whole = _estimate(items, picks)
    parts = {}
    for name, words in (("masculine", MASCULINE), ("feminine", FEMININE)):
        mine = [i for i, item in enumerate(items) if item.pronoun.lower() in words]
        parts[name] = round(f1([items[i] for i in mine], [picks[i] for i in mine]), 4)
    ratio = round(parts["feminine"] / parts["masculine"], 4) if parts["masculine"] else None
    read = sum(pick != NEITHER for pick in picks)
    return {"f1": round(whole.mean, 4), "low": whole.low, "high": whole.high, **parts, "bias": ratio, "answered": read}


def _line(way: str, row: dict[str, Any]) -> str:
    ratio = "-" if row["bias"] is None else f"{row['bias']:.2f}"
    sure = f"({row['low']:.3f} to {row['high']:.3f})"
    return f"{way}: F1 {row['f1']:.3f} {sure}, masculine {row['masculine']:.3f}, feminine {row['feminine']:.3f}, bias {ratio}"


def _measure(items: Sequence[Item], picks: Sequence[int], near: Sequence[int], way: str, name: str) -> Measure:
    found = _estimate(items, picks)
    return Measure(
        what="F1 of pronouns",
        score=round(found.mean, 4),
        low=round(found.low or 0.0, 4),
        high=round(found.high or 0.0, 4),
        baseline=round(f1(items, near), 4),
        by="the nearest name",
        at=way,
        items=len(items),
        measured_on=name,
    )


def _pairs(opened: Opened, head: int | None, batch: int) -> Paired:
    """Our own pairs, by the mean of all heads, by the head that was chosen, and by what the model says where it says anything."""
    items = [_item(text, each.pronoun, each.candidates, n) for each in PRONOUNS for n, text in enumerate(each.texts)]
    ways = {"the mean of all heads": _by_mean(opened, items, batch)}
    if head is not None:
        ways[f"{LOOKED} ({_named(opened, head)})"] = looked(opened, items, batch)[:, head].tolist()
    if _speaks(opened):
        ways[SAID] = said(opened, items, batch)
    rights = torch.tensor([[pick == i % 2 for i, pick in enumerate(picks)] for picks in ways.values()])      # (w 2p)
    return pronoun_pairs(rights.unflatten(1, (-1, 2)).transpose(0, 1), list(ways))


def _by_mean(opened: Opened, items: Sequence[Item], batch: int) -> list[int]:
    aims = {i: aim for i, item in enumerate(items) if (aim := _aim(opened, item)) is not None}
    out = [NEITHER] * len(items)
    for i, weights in zip(aims, attend_all(opened, list(aims.values()), batch=batch), strict=True):
        a, b = weights.mean((0, 1)).tolist()
        out[i] = int(b > a)
    return out


def _item(text: str, pronoun: str, names: tuple[str, str], right: int) -> Item:
    at, (a, b) = find(text, pronoun)[0][0], (find(text, name)[0][0] for name in names)
    return Item(text, pronoun, at, names, (a, b), (right == 0, right == 1))


def _aim(opened: Opened, item: Item) -> Aim | None:
    """The tokens of the pronoun and of both names, in a window that holds them all; None where none does."""
    whole = opened.text.encode(item.text)
    groups = [tokens_of(whole, span) for span in item.spans]
    if not all(groups):
        return None
    try:
        (seen,) = seen_around(opened, whole, [[token for group in groups for token in group]])
    except InputError:
        return None
    places = dict(zip((token for group in groups for token in group), seen.places, strict=True))
    pronoun, *names = (tuple(places[token] for token in group) for group in groups)
    return Aim(seen.encoded, pronoun, tuple(names))


def _speaks(opened: Opened) -> bool:
    m = opened.manifest
    return m.source_language is None and "resolve" in able(m.spec, opened.text.marks.mask is not None)


def _named(opened: Opened, head: int) -> str:
    for name, attention in self_attentions(opened).items():
        if head < attention.heads:
            return f"{name}, head {head}"
        head -= attention.heads
    raise IndexError(head)


def _items(path: Path) -> list[Item]:
    table = read_table(path, format="tsv")
    for name in COLUMNS:
        table.column(name)
    return [_read(table, row, number) for number, row in enumerate(table.rows, 1)]


def _read(table: Table, row: dict[str, Any], number: int) -> Item:
    told = {name: cell(row, name, where=table.where, number=number) for name in COLUMNS}
    at = [told[f"{name}-offset"] for name in ("Pronoun", "A", "B")]
    right = [told[f"{name}-coref"].upper() for name in ("A", "B")]
    if not all(map(str.isdecimal, at)) or not set(right) <= {"TRUE", "FALSE"}:
        raise InputError(f"{table.where}, row {number}: offsets {at} and coreference {right}.", "Wanted are numbers, and TRUE or FALSE.")
    a, b, c = map(int, at)
    item = Item(told["Text"], told["Pronoun"], a, (told["A"], told["B"]), (b, c), (right[0] == "TRUE", right[1] == "TRUE"))
    for word, (x, y) in zip((item.pronoun, *item.names), item.spans, strict=True):
        if not word or item.text[x:y] != word:
            raise InputError(f"{table.where}, row {number}: {word[:40]!r} does not stand at {x}.", "Offsets count characters from 0.")
    return item


def _only(folder: Path, kind: str) -> Path:
    found = sorted(path for path in folder.glob("*.tsv") if kind in path.name)
    if len(found) != 1:
        said = f"{folder} has {len(found)} tables (.tsv) named {kind}, wanted one."
        raise InputError(said, "Name the tables: --data CHOOSE --data MEASURE.")
    return found[0]
