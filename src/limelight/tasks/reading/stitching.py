"""Stitching: a long text read in windows, as if it had been read at once: each token as the window says where it stands deepest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Batch, Encoded
from .rows import Read, read
from .windows import Window, room_of, windows

SHARED, LEAST_SHARED = 128, 8            # tokens that neighbours have in common


@dataclass(frozen=True, eq=False)
class Stitched:
    """What a head says of a text. `values`: of each of its tokens (n c); `firsts`: of the first id of each window (w c), which stands
    for no text where the model puts a mark there; `ids`: how many were read in all."""

    values: Float[Tensor, "n c"]
    firsts: Float[Tensor, "w c"]
    windows: int
    seconds: float
    ids: int


@dataclass(frozen=True)
class Cutting:
    """How a text is cut. `window`: ids read at once, all that the model has room for up to `usual` where it is None; `overlap`: tokens
    that neighbours share, 128 or half of a window where that is less."""

    window: int | None = None
    overlap: int | None = None
    usual: int = 384

    def windows(self, opened: Opened, whole: Encoded, part: int = 0) -> list[Window]:
        """A text (the one numbered `part`) in windows. Raises InputError with the numbers where what stands around it leaves no room."""
        around = len(whole.ids) - sum(of == part for of in whole.parts)
        room = room_of(opened, at_most=self.window) if self.window else min(room_of(opened), max(self.usual, 2 * around))
        overlap = max(LEAST_SHARED, min(SHARED, (room - around) // 2)) if self.overlap is None else self.overlap
        return windows(whole, room, overlap=overlap, part=part)


def read_long(opened: Opened, texts: Sequence[Sequence[Window]], head: str, *, batch: int) -> list[Stitched]:
    """What a head says of each text, given in windows; those of all texts are read together, in batches of like length.

    Raises InputError where the model gives what is no number.
    """
    start = opened.manifest.generation.start or 0

    def work(given: Batch) -> Tensor:
        return opened.model.logits(opened.model.hidden(given, start=start), head)

    found = iter(read(opened, [each.encoded for text in texts for each in text], work, batch=batch))
    return [_checked(_stitched(text, [next(found) for _ in text])) for text in texts]


def _stitched(text: Sequence[Window], found: Sequence[Read]) -> Stitched:
    count = max(each.first + each.count for each in text)
    values = found[0].values.new_zeros(count, found[0].values.shape[-1])
    deepest = torch.full((count,), -1)
    for window, each in zip(text, found, strict=True):
        place = torch.arange(window.count)
        depth = torch.minimum(place, window.count - 1 - place)
        deeper = depth > deepest[window.first : window.first + window.count]
        at = window.first + place[deeper]
        deepest[at] = depth[deeper]
        values[at] = each.values[window.before + place[deeper]]
    firsts = torch.stack([each.values[0] for each in found])
    return Stitched(values, firsts, len(text), sum(each.seconds for each in found), sum(len(each.encoded.ids) for each in text))


def _checked(found: Stitched) -> Stitched:
    if not bool(found.values.isfinite().all() and found.firsts.isfinite().all()):
        raise InputError(
            "the model's scores for this text are no numbers (NaN or infinite).",
            "Its weights may be damaged, or too large for fp16: try fp32.",
        )
    return found
