"""Trust: how far the numbers that are shown are the model's own, measured on the reading itself."""

from __future__ import annotations

import torch

from ..look import View
from .reading import Reading

ROWS = 64                                # of each attention, looked at in all heads
WARNING = "A weight says where a head looked, not why the model answered so: for that, see what it does without a word or a head."


def trust(reading: Reading) -> dict[str, str]:
    """A line each for weights, alignment and attention."""
    sums, outputs, rows = 0.0, 0.0, 0
    for name in reading.passed.seen:
        view = reading.view(name)
        sides = _check(reading, view)
        sums, outputs, rows = max(sums, sides[0]), max(outputs, sides[1]), rows + sides[2]
    return {
        "weights": f"Rebuilt from the kernel's own queries and keys: in {rows:,} rows of all heads, weights sum to 1 within {sums:.0e}, "
        f"and weights times values are what the kernel gave within {outputs:.0e}.",
        "align": _align(reading),
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


def _align(reading: Reading) -> str:
    aligner = reading.opened.manifest.aligner
    if aligner is None:
        return "No attention of this model was measured as an aligner."
    return f"Alignment error rate {aligner.aer:.2f} on {aligner.pairs} {aligner.measured_on} pairs not used to choose it (0 is perfect)."


def _passes(reading: Reading) -> str:
    if reading.written is None:
        return "One pass over the text."
    if reading.apart is None:
        return "One pass over the text and an answer that was given."
    count = len(reading.steps)
    return (f"One pass over the text and its answer: the log-probabilities of its {count} token{'s' * (count != 1)} are those of the steps "
            f"that wrote it within {reading.apart:.0e}.")
