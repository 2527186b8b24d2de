"""Where an answer to a stretch of sound is cut into segments, and where the next stretch begins.

As whisper's transcribe.py does: segments end where two times meet. What was written after the last such place is heard again, as the
beginning of the next stretch, since the end of the stretch may have cut it; an answer that ends with a single time says that nothing was
said after it, and one without any such place is believed whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Part:
    """Tokens `first` to `last` (without it) of an answer, said between `start` and `end`, in steps of time; an `end` of None is that of
    the stretch."""

    first: int
    last: int
    start: int
    end: int | None


def parts(tokens: Sequence[int], begin: int, *, settled: bool = True) -> tuple[list[Part], int | None]:
    """The segments of an answer without its end mark, and the step of time where the next stretch begins; None: after this one.

    `begin`: the first token that is a time. `settled`: whether the stretch is whole; of one that is still growing only what ends where two
    times meet is taken, and 0 says that nothing is sure yet.
    """
    timed = [token >= begin for token in tokens]
    meets = [i + 1 for i, (a, b) in enumerate(pairwise(timed)) if a and b]
    silent_after = timed[-2:] == [False, True]
    if not meets:
        if not settled:
            return [], 0
        steps = [token - begin for token, is_time in zip(tokens, timed, strict=True) if is_time]
        return [Part(0, len(tokens), 0, steps[-1] if steps and steps[-1] else None)], None
    whole = silent_after and settled
    ends = [*meets, len(tokens)] if whole else meets
    found = [Part(a, b, tokens[a] - begin, tokens[b - 1] - begin) for a, b in zip([0, *ends], ends, strict=False)]
    return found, None if whole else tokens[meets[-1] - 1] - begin
