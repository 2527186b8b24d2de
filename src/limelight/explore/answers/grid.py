"""Grid: every head of one attention at a glance."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...look import View
from ...look.habits import Habits, Text, habits
from ...look.summary import entropy
from ...ops import attention_scores
from ..packing import number, packed
from ..query import Query
from ..reading import Reading
from ..strips import STRIP, every, pooled

SIZE, MOST, EVEN = 24, 1 << 22, 64       # cells of a thumb; weights that are looked at; queries whose view is counted
STOPS = frozenset(".,;:!?…。，、！？؟،।")


def grid(query: Query) -> dict[str, Any]:
    """A thumb of each head, what it does on average over its queries, and what it is called for that.

    Of a long map evenly spaced rows are looked at, each "every"-th. Entropies are in nats; `even` is that of an even look at all that a
    query may see, of at most 64 queries.
    """
    reading, name = query.reading, query.name
    if ("grid", name) not in reading.kept:
        reading.kept["grid", name] = _grid(reading, reading.view(name))
    return reading.kept["grid", name]


def _grid(reading: Reading, view: View) -> dict[str, Any]:
    _, heads, queries, keys = view.shape()
    step, even = every(queries, keys, heads, MOST), _even(view)
    labels = _labels(reading, view, step)
    return {
        "name": view.name,
        "every": step,
        "heads": [{**_sums(view, head, step).to_json(), "even": even, "label": labels[head]} for head in range(heads)],
    }


@dataclass(frozen=True, eq=False)
class _Head:
    """Means of one head over its queries, and its map made small."""

    thumb: Tensor
    most: float
    entropy: float
    first: float
    distance: float | None

    def to_json(self) -> dict[str, Any]:
        """As it stands in an answer."""
        own = float(self.thumb.max())
        size = list(self.thumb.shape)
        told: dict[str, Any] = {"thumb": packed(self.thumb, own), "size": SIZE, "height": size[0], "width": size[1], "max": self.most}
        return {**told, "entropy": self.entropy, "first": self.first, "distance": self.distance}


def _sums(view: View, head: int, step: int) -> _Head:
    """One pass over a head, in strips."""
    keys = view.shape()[3]
    crossing, slots = view.looks[0].crossing, torch.arange(keys, device=view.looks[0].q.device)
    thumbs, spread, first, away, seen, most = list[Tensor](), 0.0, 0.0, 0.0, 0, 0.0
    for strip in view.strips(heads=[head], queries=slice(None, None, step), chunk=max(1, STRIP // (4 * keys))):
        weights = strip[0, 0]
        thumbs.append(pooled(F.pad(weights, (0, keys - weights.shape[1])), len(weights), SIZE))
        places = torch.arange(seen, seen + len(weights), device=slots.device) * step
        spread, first, most = spread + float(entropy(weights).sum()), first + float(weights[:, 0].sum()), max(most, float(weights.max()))
        if not crossing:
            away += float((weights * (places[:, None] - slots[: weights.shape[1]]).abs()).sum())
        seen += len(weights)
    thumb = pooled(torch.cat(thumbs), SIZE, SIZE)
    return _Head(thumb, number(most), number(spread / seen), number(first / seen), None if crossing else number(away / seen))


def _even(view: View) -> float:
    """The entropy of looking evenly, on average over some of the queries."""
    queries = view.shape()[2]
    some = range(0, queries, max(1, queries // EVEN))
    counts = []
    for i in some:
        t = view.terms(head=0, query=i)
        scores = attention_scores(t.q, t.k, allow=t.allow, bias=t.bias, scale=t.scale, score=t.score)
        counts.append(int((scores > -math.inf).sum()))
    return sum(math.log(max(1, count)) for count in counts) / len(counts)


def _labels(reading: Reading, view: View, step: int) -> list[dict[str, Any] | None]:
    """What heads are called: by their habits, or because the model's folder says that they align."""
    aligner = reading.opened.manifest.aligner
    if view.looks[0].crossing:
        mine = aligner.heads if aligner is not None and aligner.attention == view.name else ()
        told = None if aligner is None else {"name": "alignment", "share": number(1 - aligner.aer), "chance": None}
        return [told if head in mine else None for head in range(view.heads)]
    return [_label(each) for each in habits(view, read_by(reading, view.name), every=step)]


def _label(found: Habits) -> dict[str, Any] | None:
    best = found.best
    return None if best is None else {"name": best.name, "share": best.share, "chance": best.chance}


def read_by(reading: Reading, name: str) -> Text:
    """What a self-attention has read."""
    ids = reading.passed.ids[reading.track(name.split(".")[0])]
    text = reading.opened.text
    marks = set(text.mark_names.values()) - {text.marks.unknown}
    stops = {token for token in set(ids) if text.piece(token).strip() in STOPS}
    tokens, often = torch.tensor([ids], device=reading.opened.device), _often(text.highest, ids, marks)
    return Text(tokens, separators=sorted(marks | stops), counts=often)


def _often(highest: int, ids: Sequence[int], marks: Collection[int]) -> Tensor:
    """How often pieces are met, as an order alone: a learnt vocabulary has the common ones first. Marks are not rare."""
    size = max(highest, *ids) + 1
    often = torch.arange(size, 0, -1)
    often[[mark for mark in marks if mark < size]] = size + 1
    return often
