"""Where the time of writing goes: a random GPT-2's prompt, and of each further token the layers, the scores of all words, and all else.

The parts are called by themselves, in turns with the whole call, beside the least time in which the machine's limits let each be done.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limelight.decode import Ending, Greedy, generate
from limelight.inputs import Batch
from limelight.measure import alternate, rounded, spread
from limelight.nn import Network

from .contestants import folders, gather, ours
from .contestants.folders import random_rows
from .decoding import Setting
from .limits import BITS, Limits, limits
from .machine import installed

FULL = Setting(folders.GPT2, prompt=128, new=64, batches=(1, 8), rounds=7)
SMOKE = Setting(folders.TINY, prompt=4, new=3, batches=(1,), rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """Each precision, with one row and with several -> the JSON of this page, less the machine."""
    s, most = SMOKE if smoke else FULL, limits(smoke)
    found: dict[str, Any] = {
        "what": "where the time of greedy writing goes, seconds, parts in turns with the whole",
        "setting": {"prompt": s.prompt, "new": s.new, **asdict(s.shape)},
        "limits": asdict(most),
        "cases": [],
    }
    if installed("transformers"):
        with tempfile.TemporaryDirectory() as folder:
            field = gather(ours.entrants(folders.gpt2(s.shape, Path(folder))))
            found["cases"] = [
                _case(s, most, field.precision[name], opened.model, rows) for name, opened in field.ready.items() for rows in s.batches
            ]
    return found


def _case(s: Setting, most: Limits, precision: str, model: Network, rows: int) -> dict[str, Any]:
    parts = _Parts(s, model, torch.tensor(random_rows(rows, s.prompt, s.shape.vocab)))
    samples = alternate({"whole": parts.whole, "prompt": parts.prompt, "layers": parts.layers, "scores": parts.scores}, rounds=s.rounds)
    seconds = {name: each.seconds for name, each in samples.items()}
    each = {name: [x / s.new for x in seconds[name]] for name in ("layers", "scores")}
    each["rest"] = [
        (a - b) / s.new - c - d for a, b, c, d in zip(seconds["whole"], seconds["prompt"], each["layers"], each["scores"], strict=True)
    ]
    least = _least(s, most, precision, rows)
    told = {name: {**spread(found), "samples": rounded(found)} for name, found in {"prompt": seconds["prompt"], **each}.items()}
    told |= {name: {**told[name], "least": rounded(most)} for name, most in least.items()}
    return {"setting": {"precision": precision, "rows": rows}, "prompt": told.pop("prompt"), "token": told}


class _Parts:
    """The whole call, and what it is made of."""

    def __init__(self, s: Setting, model: Network, given: Tensor):
        self.s, self.model, self.given, self.cache = s, model, given, model.new_cache()
        with torch.inference_mode():
            self.hidden = model.decode(given, cache=self.cache)[:, -1]

    def whole(self, _: int) -> float:
        """Prompt and answer."""
        found = generate(self.model, Batch(self.given), Greedy(), ending=Ending(frozenset(), self.s.new))
        return float(sum(len(each[0].tokens) for each in found))

    @torch.inference_mode()
    def prompt(self, _: int) -> float:
        """The prompt alone."""
        return float(self.model.decode(self.given, cache=self.model.new_cache()).shape[1])

    @torch.inference_mode()
    def layers(self, _: int) -> float:
        """As many tokens as an answer has, and none of them chosen."""
        for _ in range(self.s.new):
            self.model.decode(self.given[:, -1:], cache=self.cache)
        self.cache.trim(self.s.prompt)
        return float(self.s.new)

    @torch.inference_mode()
    def scores(self, _: int) -> float:
        """As often the scores of all words."""
        for _ in range(self.s.new):
            self.model.logits(self.hidden)
        return float(self.s.new)


def _least(s: Setting, most: Limits, precision: str, rows: int) -> dict[str, float]:
    shape, number = s.shape, 4 if BITS[precision] == 32 else 2
    held = 2 * shape.layers * shape.dim * (s.prompt + s.new / 2) * rows * number
    words = shape.vocab * shape.dim
    return {
        "prompt": most.seconds(precision, weights=shape.matrices, operations=2.0 * shape.matrices * rows * s.prompt),
        "layers": most.seconds(precision, weights=shape.matrices, other_bytes=held, operations=2.0 * shape.matrices * rows),
        "scores": most.seconds(precision, weights=words, operations=2.0 * words * rows),
    }
