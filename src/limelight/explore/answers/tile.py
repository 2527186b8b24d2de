"""Tile: a part of a map, made as small as it is shown."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..packing import number, packed
from ..query import Query
from ..strips import every, pooled, strips

MOST = 1024


def tile(query: Query) -> dict[str, Any]:
    """The best weight of each cell of rows x columns, at most `size` x `size` of them. Without the `sink`, what a map of a sequence by
    itself gives its first place is set aside, and how much that is on average is said."""
    view, heads, merged = query.view, query.heads(), query.merged()
    sides = [len(groups) if groups is not None else count for groups, count in zip(merged, view.shape()[2:], strict=True)]
    rows, columns = query.span("rows", sides[0], "rows"), query.span("columns", sides[1], "columns")
    size, sink = query.count("size", 256, MOST), query.flag("sink", default=True) or view.looks[0].crossing
    step = 1 if merged[0] is not None else every(len(rows), view.shape()[3], len(heads))
    parts, aside, seen = list[Tensor](), 0.0, 0
    for strip in strips(view, heads, rows, merged=merged, step=step):
        if not sink:
            aside, strip[:, 0] = aside + float(strip[:, 0].sum()), 0.0
        seen += len(strip)
        parts.append(pooled(strip[:, columns.start : columns.stop], len(strip), size))
    cells = pooled(torch.cat(parts), size, size)
    most = float(cells.max())
    found = {
        "rows": [rows.start, rows.stop],
        "columns": [columns.start, columns.stop],
        "height": cells.shape[0],
        "width": cells.shape[1],
        "every": step,
        "max": number(most),
        "data": packed(cells, most),
    }
    return found if sink else {**found, "aside": number(aside / seen)}
