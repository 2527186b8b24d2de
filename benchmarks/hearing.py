"""Hearing: a random Whisper-tiny reads half a minute of sound and writes what it hears; tokens a second, alone and together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from limelight.measure import Turn

from .contest import contest
from .contestants import Field, Hears, c_translate, folders, gather, hugging_face, ours, same, tried
from .contestants.folders import Hearer
from .limits import limits
from .machine import installed

ENTRANTS = (ours, hugging_face, c_translate)
REFERENCE = "limelight fp32"


@dataclass(frozen=True)
class Setting:
    """How much to run: `work`: recordings at once; `new`: tokens written of each."""

    shape: Hearer
    work: tuple[int, ...]
    new: int
    rounds: int


FULL = Setting(folders.WHISPER_TINY, work=(1, 8), new=64, rounds=7)
SMOKE = Setting(folders.TINY_WHISPER, work=(1, 2), new=3, rounds=2)


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """All contestants on each work -> the JSON of this page, less the machine. The weights are made by transformers."""
    s = SMOKE if smoke else FULL
    found: dict[str, Any] = {
        "what": "writing down sound with Whisper-tiny, tokens a second, in turns on the same frames",
        "setting": {"new": s.new, **asdict(s.shape)},
        "limits": asdict(limits(smoke)),
        "cases": [],
    }
    if installed("transformers"):
        with tempfile.TemporaryDirectory() as folder:
            at = folders.whisper(s.shape, Path(folder) / "random")
            field = gather(each for entrant in ENTRANTS for each in entrant.hearers(at))
            found["cases"] = [_case(s, field, count, smoke) for count in s.work]
    return found


def _case(s: Setting, field: Field[Hears], count: int, smoke: bool) -> dict[str, Any]:
    frames = torch.randn(count, s.shape.mels, s.shape.frames, generator=torch.Generator().manual_seed(0))
    said = tried(field, lambda hear: hear(frames, s.new))

    def turn(hear: Hears) -> Turn:
        return lambda _: float(sum(map(len, hear(frames, s.new))))

    turns = {name: turn(hear) for name, hear in field.ready.items()}
    return {
        "setting": {"recordings": count},
        **contest(field, turns, rounds=s.rounds, unit="tokens/s", least=_least(s, count, smoke)),
        "same_as_limelight_fp32": {name: same(said[REFERENCE], each) for name, each in said.items()},
    }


def _least(s: Setting, count: int, smoke: bool) -> Callable[[str], float]:
    """All frames through the encoder and the memory's keys and values; then at each step the decoder's other matrices and the table."""
    size, most = s.shape, limits(smoke)
    attention, between = 4 * size.dim**2, 8 * size.dim**2
    once = size.layers * (attention + between + attention // 2)
    stepped = size.layers * (attention + attention // 2 + between) + size.vocab * size.dim

    def least(precision: str) -> float:
        first = most.seconds(precision, weights=once, operations=2.0 * once * count * size.frames / 2)
        return first + s.new * most.seconds(precision, weights=stepped, operations=2.0 * stepped * count)

    return least
