"""Growth: what a further token costs, against how much stands before it and against how many rows are written at once.

A random GPT-2 with room for long texts. Each contestant reads a context once; a turn writes a few tokens after it and forgets them again,
through the model's own forward pass and cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from limelight.hub import Opened
from limelight.measure import Turn

from .contest import contest
from .contestants import Contestant, Field, folders, gather, hugging_face, ours, tried
from .contestants.folders import Shape, random_rows
from .limits import BITS, limits
from .machine import installed

NEW = 16
Reader = Callable[[Tensor], "Standing"]            # a context (b n) -> where it can be gone on from


@dataclass(frozen=True)
class Standing:
    """A context that was read. `step`: (b 1) tokens -> the next (b 1); `back`: forget what came after it; `bytes`: of its cache."""

    step: Callable[[Tensor], Tensor]
    back: Callable[[], None]
    bytes: int


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
            field = gather([*_ours(at), *_theirs(at)])
            found["cases"] = [_case(s, field, *work, smoke) for work in s.work]
    return found


def _case(s: Setting, field: Field[Reader], rows: int, context: int, smoke: bool) -> dict[str, Any]:
    given = torch.tensor(random_rows(rows, context, s.shape.vocab))
    with torch.inference_mode():
        standing = tried(field, lambda read: read(given))

    def turn(at: Standing) -> Turn:
        @torch.inference_mode()
        def run(_: int) -> float:
            token = given[:, -1:]
            for _ in range(s.new):
                token = at.step(token)
            at.back()
            return float(rows * s.new)

        return run

    turns = {name: turn(each) for name, each in standing.items()}
    return {
        "setting": {"rows": rows, "context": context},
        **contest(field, turns, rounds=s.rounds, unit="tokens/s", least=_least(s, rows, context, smoke)),
        "bytes_of_cache": {name: each.bytes for name, each in standing.items()},
    }


def _least(s: Setting, rows: int, context: int, smoke: bool) -> Callable[[str], float]:
    matrices = s.shape.matrices + s.shape.vocab * s.shape.dim

    def least(precision: str) -> float:
        held = 2 * s.shape.layers * s.shape.dim * (context + s.new / 2) * rows * (4 if BITS[precision] == 32 else 2)
        return s.new * limits(smoke).seconds(precision, weights=matrices, other_bytes=held, operations=2.0 * matrices * rows)

    return least


def _ours(at: Path) -> list[Contestant[Reader]]:
    def reads(opened: Opened) -> Reader:
        model = opened.model

        def read(given: Tensor) -> Standing:
            cache = model.new_cache()
            model.decode(given, cache=cache)

            def step(token: Tensor) -> Tensor:
                return model.logits(model.decode(token, cache=cache)[:, -1]).argmax(-1, keepdim=True)

            return Standing(step, lambda: cache.trim(given.shape[1]), cache.nbytes)

        return read

    return [each.then(reads) for each in ours.entrants(at)]


def _theirs(at: Path) -> list[Contestant[Reader]]:
    def opens(kind: torch.dtype) -> Reader:
        model = hugging_face.model_of(at, "AutoModelForCausalLM", kind)

        def read(given: Tensor) -> Standing:
            cache = model(given, use_cache=True, logits_to_keep=1).past_key_values

            def step(token: Tensor) -> Tensor:
                return model(token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].argmax(-1, keepdim=True)

            held = sum(t.nbytes for layer in cache.layers for t in (layer.keys, layer.values))
            return Standing(step, lambda: cache.crop(given.shape[1] - cache.get_seq_length()), held)

        return read

    return [
        Contestant(f"transformers {name}", name, lambda kind=kind: opens(kind), hugging_face.NEEDS)
        for name, kind in hugging_face.FORMATS.items()
    ]
