"""Several may watch one attention at once, and leave in any order."""

from __future__ import annotations

import threading

from .attention import Attention, Eye, Look

_LOCK = threading.Lock()                                             # two threads may open traces of one model at once


class Eyes:
    """Several who watch: each is told."""

    def __init__(self, eyes: list[Eye]):
        self.all = tuple(eyes)

    def saw(self, look: Look) -> None:
        """See nn.attention.Eye."""
        for eye in self.all:
            eye.saw(look)


def watch(attention: Attention, eye: Eye) -> None:
    """Let `eye` see what this attention does, beside all who watch it already."""
    with _LOCK:
        _set(attention, [*_watching(attention), eye])


def unwatch(attention: Attention, eye: Eye) -> None:
    """Take `eye` away; the others stay."""
    with _LOCK:
        _set(attention, [each for each in _watching(attention) if each is not eye])


def _watching(attention: Attention) -> tuple[Eye, ...]:
    if isinstance(attention.eye, Eyes):
        return attention.eye.all
    return () if attention.eye is None else (attention.eye,)


def _set(attention: Attention, eyes: list[Eye]) -> None:
    attention.eye = Eyes(eyes) if len(eyes) > 1 else eyes[0] if eyes else None
