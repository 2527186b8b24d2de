"""The exam of sense: whether the vectors of a word, layer by layer, tell its senses apart, on texts in which people have named them."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...data import read_table
from ...errors import InputError
from ...hub import Opened
from ...manifest import Measure
from ...measure.intervals import Estimate, over_items
from ..fitness import check_fit
from ..reading.places import Span
from ..reading.written import written
from ..sense.vectors import placed, states_of, unit
from .exam import Asking, Report
from .pairs import sense_pairs

COLUMNS = ("lemma", "pos", "sense", "target_index", "tokens", "file")
PER_WORD = 100                           # texts of a word, where not all are wanted


@dataclass(frozen=True)
class Instance:
    """A word in a text, with its sense. `word`: what senses are told apart of; `document`: where the text is from."""

    word: str
    sense: str
    text: str
    span: Span
    document: str


@dataclass(frozen=True, eq=False)
class Word:
    """How often the texts of one word were told right. `right`: in each layer; `common`: by the commonest sense; `count`: of how many."""

    right: Float[np.ndarray, "l"]
    common: int
    count: int


class Sensing:
    """See Exam. Each word's texts are divided in two, no document on both sides; each side's senses are the means of their vectors, and the
    other side's texts are given to the nearest (so that each is asked for once). The layer is chosen on half of the words and measured on
    the others; a sense that the other side lacks is never right."""

    hears: ClassVar[tuple[str, ...]] = ()

    def take(self, opened: Opened, asked: Asking) -> Report:
        """Accuracy by layer, beside what the commonest sense alone gets right; and our own minimal pairs."""
        check_fit(opened, "sense")
        pairs = sense_pairs(opened, batch=asked.batch)
        if not asked.data:
            return Report(pairs.lines, {"minimal_pairs": pairs.plain})
        instances, name = read_senses(asked.data), _called(asked.data)
        words, done = list[Word](), 0
        for each in some_of(instances, asked.limit):
            words.append(_told(opened, each, asked.batch))
            asked.tell(done := done + len(each))
        if len(words) < 2:
            raise InputError(f"{name} has {len(words)} words with two senses or more, wanted at least two.", "Give more texts.")
        layers = [_accuracy(words, layer) for layer in range(len(words[0].right))]
        common = _common(words)
        layer = max(range(len(layers)), key=lambda i: _accuracy(words[::2], i).mean)
        held = words[1::2]
        found = _measure(held, layer, name)
        lines = [
            "layer  accuracy (95 % interval over words)",
            *(f"{i:>5}  {_shown(each)}" for i, each in enumerate(layers)),
            f"the commonest sense: {_shown(common)}",
            f"{sum(each.count for each in words):,} texts of {len(words)} words",
            f"layer {layer}, chosen on half of the words, on the others: {found}",
            "",
            *pairs.lines,
        ]
        told: dict[str, Any] = {"data": name, "words": len(words), "texts": sum(each.count for each in words)}
        by_layer = [{"accuracy": round(each.mean, 4), "low": each.low, "high": each.high} for each in layers]
        told |= {"layers": by_layer, "commonest": round(common.mean, 4), "minimal_pairs": pairs.plain}
        return Report(tuple(lines), told, measure=found)


def read_senses(data: Sequence[Path]) -> list[Instance]:
    """Texts out of a table, or the only one of a folder, with the columns lemma, pos, sense, target_index (from 0), tokens (with spaces
    between) and file. Raises InputError, with the row, for a table without them or a place outside its text."""
    path = _table(data)
    table = read_table(path)
    for name in COLUMNS:
        table.column(name)
    out = []
    for number, row in enumerate(table.rows, 1):
        tokens, told = str(row["tokens"]).split(), str(row["target_index"])
        if not told.isdecimal() or int(told) >= len(tokens):
            said = f"{path}, row {number}: target_index is {told[:20]!r}, of {len(tokens)} tokens."
            raise InputError(said, "It counts tokens from 0.")
        text, spans = written(tokens, "en")
        out.append(Instance(f"{row['lemma']}.{row['pos']}", str(row["sense"]), text, spans[int(told)], str(row["file"])))
    return out


def some_of(instances: Sequence[Instance], limit: int | None) -> Iterator[list[Instance]]:
    """Each word's texts, of words with two senses or more; with a limit so many texts in all, at most a hundred of a word, drawn."""
    found: dict[str, list[Instance]] = defaultdict(list)
    for each in instances:
        found[each.word].append(each)
    draw, names, left = random.Random(0), sorted(found), limit
    draw.shuffle(names)
    for name in names:
        mine = found[name]
        if len({each.sense for each in mine}) < 2:
            continue
        if left is None:
            yield mine
        elif left > 1:
            mine = draw.sample(mine, min(len(mine), PER_WORD, left))
            left -= len(mine)
            yield mine


def halves(instances: Sequence[Instance]) -> list[bool]:
    """Which half each text is in: documents stay whole, the larger first, each in the half that has fewer texts."""
    sizes = Counter(each.document for each in instances)
    half: dict[str, bool] = {}
    counts = [0, 0]
    for document, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        half[document] = counts[1] < counts[0]
        counts[half[document]] += size
    return [half[each.document] for each in instances]


def _told(opened: Opened, instances: Sequence[Instance], batch: int) -> Word:
    seen = [placed(opened, each.text, each.span) for each in instances]
    vectors: dict[int, Tensor] = {}
    for place, states in states_of(opened, seen, batch=batch):
        vectors[place] = unit(states, seen[place].places).float()
    stack = torch.stack([vectors[i] for i in range(len(seen))], 1)                # (l u m)
    half, senses = np.array(halves(instances)), np.array([each.sense for each in instances])
    right, common = np.zeros(len(stack)), 0
    for side in (False, True):
        known, asked = np.nonzero(half != side)[0], np.nonzero(half == side)[0]
        if len(known) and len(asked):
            right += nearest_right(stack[:, known], senses[known], stack[:, asked], senses[asked])
            common += int((senses[asked] == Counter(senses[known].tolist()).most_common(1)[0][0]).sum())
    return Word(right, common, len(instances))


def nearest_right(known: Float[Tensor, "l k m"], named: np.ndarray, asked: Float[Tensor, "l a m"], wanted: np.ndarray) -> np.ndarray:
    """How many vectors have the mean of their own sense nearest, by cosine, in each layer."""
    kinds = sorted(set(named.tolist()))
    means = torch.stack([known[:, np.nonzero(named == kind)[0]].mean(1) for kind in kinds], 1)
    means = means / means.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    best = (asked @ means.transpose(1, 2)).argmax(-1).numpy()                     # (l a)
    return (np.array(kinds)[best] == wanted[None]).sum(1).astype(float)


def _accuracy(words: Sequence[Word], layer: int) -> Estimate:
    right, count = np.array([each.right[layer] for each in words]), np.array([each.count for each in words])
    return over_items(len(words), lambda drawn: float(right[list(drawn)].sum() / count[list(drawn)].sum()))


def _common(words: Sequence[Word]) -> Estimate:
    right, count = np.array([each.common for each in words]), np.array([each.count for each in words])
    return over_items(len(words), lambda drawn: float(right[list(drawn)].sum() / count[list(drawn)].sum()))


def _measure(words: Sequence[Word], layer: int, name: str) -> Measure:
    found, common = _accuracy(words, layer), _common(words)
    return Measure(
        what="accuracy of senses",
        score=round(found.mean, 4),
        low=round(found.low or 0.0, 4),
        high=round(found.high or 0.0, 4),
        baseline=round(common.mean, 4),
        by="the commonest sense",
        at=f"layer {layer}",
        items=sum(each.count for each in words),
        measured_on=name,
    )


def _shown(found: Estimate) -> str:
    return f"{found.mean:.3f} ({found.low or 0:.3f} to {found.high or 0:.3f})"


def _called(data: Sequence[Path]) -> str:
    return data[0].resolve().name if data[0].is_dir() else data[0].stem


def _table(data: Sequence[Path]) -> Path:
    if len(data) != 1:
        raise InputError(f"texts with senses are one table, or the only one of a folder: got {len(data)} of --data.", "Name one.")
    if not data[0].is_dir():
        return data[0]
    found = sorted(data[0].glob("*.tsv"))
    if len(found) != 1:
        raise InputError(f"{data[0]} has {len(found)} tables (.tsv), wanted one.", "Name the table itself.")
    return found[0]
