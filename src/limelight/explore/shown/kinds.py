"""Kinds: for each task over pictures and sounds, what it is given on the page and what is shown of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...hub import Opened
from .caption import caption
from .detect import detect
from .draw import draw
from .transcribe import transcribe

Given = Literal["picture", "sound", "text"]


@dataclass(frozen=True)
class Kind:
    """`show`: a model that is open, what it is given, its name, and a number that drawing begins with -> plain JSON data. `given`: of which
    kind that is; `most`: bytes of a file that the page may send, 0 where it sends a text; `measured`: how the scores of a model's card
    begin that say how often such answers are right."""

    show: Callable[[Opened, Any, int], dict[str, Any]]
    given: Given
    most: int = 0
    measured: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "caption": Kind(caption, "picture", 32 << 20, ("exact captions", "named exactly", "own text first")),
    "detect": Kind(detect, "picture", 32 << 20, ("mAP50",)),
    "transcribe": Kind(transcribe, "sound", 64 << 20, ("word error rate", "word times")),
    "draw": Kind(draw, "text", measured=("all asked for", "exact drawings", "drawing's text")),
}
