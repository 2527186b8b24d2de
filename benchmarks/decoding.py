"""Decoding: a random GPT-2 of 124 million parameters reads a prompt and writes as many tokens again, greedily; tokens a second of the
whole call. Nothing ends an answer early, and the weights are the same for all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from limelight.measure import Turn

from .contest import contest
from .contestants import Field, Writes, c_translate, folders, gather, hugging_face, llama_cpp, onnx_runtime, open_vino, ours, same, tried
from .contestants.folders import Shape, random_rows
from .limits import BITS, limits
from .machine import installed

ENTRANTS = (ours, hugging_face, onnx_runtime, c_translate, open_vino, llama_cpp)
REFERENCE = "limelight fp32"


@dataclass(frozen=True)
class Setting:
    """How much to run."""

    shape: Shape
    prompt: int
    new: int
    batches: tuple[int, ...]
    rounds: int


FULL = Setting(folders.GPT2, prompt=128, new=128, batches=(1, 8), rounds=7)
SMOKE = Setting(folders.TINY, prompt=6, new=4, batches=(1, 2), rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants at each batch size -> the JSON of this page, less the machine. The weights are made by transformers."""
    s, most = SMOKE if smoke else FULL, limits(smoke)
    found: dict[str, Any] = {
        "what": "greedy decoding, new tokens a second of the whole call, in turns on the same prompts",
        "setting": {"prompt": s.prompt, "new": s.new, **asdict(s.shape)},
        "limits": asdict(most),
        "cases": [],
    }
    if installed("transformers"):
        with tempfile.TemporaryDirectory() as folder:
            at = folders.gpt2(s.shape, Path(folder))
            everyone = [each for entrant in ENTRANTS for each in entrant.writers(at)]
            field = gather(each for each in everyone if not smoke or hugging_face.COMPILED not in each.name)
            found["cases"] = [_case(s, field, batch, smoke) for batch in s.batches]
    return found


def _case(s: Setting, field: Field[Writes], batch: int, smoke: bool) -> dict[str, Any]:
    prompts = random_rows(batch, s.prompt, s.shape.vocab)
    answers = tried(field, lambda write: write(prompts, s.new))

    def turn(write: Writes) -> Turn:
        return lambda _: float(sum(map(len, write(prompts, s.new))))

    turns = {name: turn(write) for name, write in field.ready.items()}
    return {
        "setting": {"batch": batch},
        **contest(field, turns, rounds=s.rounds, unit="tokens/s", least=_least(s, batch, smoke)),
        "same_as_limelight_fp32": {name: same(answers[REFERENCE], each) for name, each in answers.items()},
    }


def _least(s: Setting, batch: int, smoke: bool) -> Callable[[str], float]:
    """The prompt through the layers' matrices; then at each step those, the table of words and the keys and values so far."""
    most, shape = limits(smoke), s.shape
    stepped = shape.matrices + shape.vocab * shape.dim

    def least(precision: str) -> float:
        number = 4 if BITS[precision] == 32 else 2                                       # bytes of a key or value
        read = most.seconds(precision, weights=shape.matrices, operations=2.0 * shape.matrices * batch * s.prompt)
        steps = [
            most.seconds(
                precision,
                weights=stepped,
                other_bytes=2 * shape.layers * shape.dim * (s.prompt + i) * batch * number,
                operations=2.0 * stepped * batch,
            )
            for i in range(s.new)
        ]
        return read + sum(steps)

    return least
