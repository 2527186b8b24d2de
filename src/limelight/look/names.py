"""Attentions by pattern and heads by number, and one line for what is not there."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable

from ..errors import TraceError, did_you_mean


def named(known: Iterable[str], layers: str | Iterable[str]) -> list[str]:
    """The known names that match one of the patterns, such as "decoder.*.cross". Raises TraceError for one that matches nothing."""
    known, patterns = list(known), [layers] if isinstance(layers, str) else list(layers)
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            raise TraceError(f'no attention is named "{pattern}".', did_you_mean(pattern, known))
    return [name for name in known if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def head_number(name: str, heads: int, i: int) -> int:
    """The number of a head from 0 on; -1 is the last. Raises TraceError for one that is not there."""
    if not -heads <= i < heads:
        raise TraceError(f"{name} has {heads} heads, 0 to {heads - 1}: got {i}.")
    return i % heads
