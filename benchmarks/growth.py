"""Growth: what a further token costs, against how much stands before it and against how many rows are written at once.

A random GPT-2 with room for long texts. Each contestant reads a context once; a turn writes a few tokens after it and forgets them again.
OpenVINO is not here: it keeps the past inside, and forgets all or nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from limelight.measure import Turn

from .contest import contest
from .contestants import Field, Grows, Standing, c_translate, folders, gather, hugging_face, llama_cpp, onnx_runtime, ours, tried
from .contestants.folders import Shape, random_rows
from .limits import BITS, limits
from .machine import installed

NEW = 16
ENTRANTS = (ours, hugging_face, onnx_runtime, c_translate, llama_cpp)


@dataclass(frozen=True)
class Setting:
    """How much to run: `work`: rows, and tokens that stand before."""

    shape: Shape
    work: tuple[tuple[int, int], ...]
    new: int
    rounds: int


CONTEXTS, ROWS = (128, 512, 2048, 8192), (4, 16, 64)
FULL = Setting(
    replace(folders.GPT2, length=8192 + NEW), work=(*((1, n) for n in CONTEXTS), *((b, 128) for b in ROWS)), new=NEW, rounds=7
)
SMOKE = Setting(folders.TINY, work=((1, 4), (1, 8), (3, 4)), new=2, rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants at each context and number of rows -> the JSON of this page, less the machine."""
    s = SMOKE if smoke else FULL
    found: dict[str, Any] = {
        "what": "what a further token costs after a context, by its length and by rows at once, in turns",
        "setting": {"new": s.new, **asdict(s.shape)},
        "limits": asdict(limits(smoke)),
        "cases": [],
    }
    if installed("transformers"):
        with tempfile.TemporaryDirectory() as folder:
            at = folders.gpt2(s.shape, Path(folder))
            field = gather(each for entrant in ENTRANTS for each in entrant.growers(at))
            found["cases"] = [_case(s, field, *work, smoke) for work in s.work]
    return found


def _case(s: Setting, field: Field[Grows], rows: int, context: int, smoke: bool) -> dict[str, Any]:
    given = random_rows(rows, context, s.shape.vocab)
    standing = tried(field, lambda grow: grow(given))

    def turn(at: Standing) -> Turn:
        def run(_: int) -> float:
            at.write(s.new)
            return float(rows * s.new)

        return run

    turns = {name: turn(each) for name, each in standing.items()}
    return {
        "setting": {"rows": rows, "context": context},
        **contest(field, turns, rounds=s.rounds, unit="tokens/s", least=_least(s, rows, context, smoke)),
        "bytes_of_cache": {name: each.bytes for name, each in standing.items() if each.bytes is not None},
    }


def _least(s: Setting, rows: int, context: int, smoke: bool) -> Callable[[str], float]:
    matrices = s.shape.matrices + s.shape.vocab * s.shape.dim

    def least(precision: str) -> float:
        held = 2 * s.shape.layers * s.shape.dim * (context + s.new / 2) * rows * (4 if BITS[precision] == 32 else 2)
        return s.new * limits(smoke).seconds(precision, weights=matrices, other_bytes=held, operations=2.0 * matrices * rows)

    return least
