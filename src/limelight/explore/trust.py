"""Trust: how far the numbers that are shown are the model's own, measured on the reading itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..inputs import sentences
from ..look import View
from .reading import Reading

ROWS = 64                                # of each attention, looked at in all heads
WARNING = "A weight says where a head looked, not why the model answered so: for that, see what it does without a word or a head."


def trust(reading: Reading, align: Mapping[str, Any] | None) -> dict[str, str]:
    """A line each for weights, alignment and attention. `align`: the picture that is shown."""
    sums, outputs, rows = 0.0, 0.0, 0
    for name in reading.passed.seen:
        view = reading.view(name)
        sides = _check(reading, view)
        sums, outputs, rows = max(sums, sides[0]), max(outputs, sides[1]), rows + sides[2]
    return {
        "weights": f"Rebuilt from the kernel's own queries and keys: in {rows:,} rows of all heads, weights sum to 1 within {sums:.0e}, "
        f"and weights times values are what the kernel gave within {outputs:.0e}.",
        "align": "Nothing is aligned: this is no translation, or one too long for a picture." if align is None else _line(align["trust"]),
        "attention": f"{_passes(reading)} {WARNING}",
    }


def _check(reading: Reading, view: View) -> tuple[float, float, int]:
    """The largest differences of some rows' sums from 1 and of their outputs from the kernel's, and how many rows."""
    queries = view.shape()[2]
    some = slice(None, None, max(1, -(-queries // ROWS)))
    weights = torch.cat(list(view.strips(queries=some, chunk=1 << 30)), 2)[0]        # (h q k)
    total = weights.sum(-1)
    seen = total > 0                                                 # a row that may see nothing sums to 0
    sums = float((total - 1).abs()[seen].max()) if bool(seen.any()) else 0.0
    made = weights @ view.values()[0][:, : weights.shape[2]]
    given = reading.passed.said[view.name][0, some].transpose(0, 1).float()
    return sums, float((made - given).abs().max()), total.shape[1]


def _line(said: str) -> str:
    return said[:1].upper() + said[1:] + ("" if said.endswith(".") else ".")


def _passes(reading: Reading) -> str:
    if reading.written is None:
        return "One pass over the text."
    if reading.apart is None:
        return "One pass over the text and an answer that was given."
    count, apart = len(reading.steps), len(sentences(reading.encoded.text))
    parts = f" Its {apart} sentences were read at once; the task translates one by one." if reading.subject.splits and apart > 1 else ""
    return (f"One pass over the text and its answer: the log-probabilities of its {count} token{'s' * (count != 1)} are those of the steps "
            f"that wrote it within {reading.apart:.0e}.{parts}")
