"""Memory and Cache: what was computed before, owned by the caller and never by a module.

A model holds no state of a sequence, so two interleaved streams over one model cannot touch each other.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

KeyValue = tuple[Tensor, Tensor]


@dataclass(frozen=True, eq=False)
class Memory:
    """What an encoder made of its input. `hidden`: (b n m); `keep`: True on real places, None where all are."""

    hidden: Float[Tensor, "b n m"]
    keep: Bool[Tensor, "b n"] | None = None

    def __len__(self) -> int:
        return len(self.hidden)

    def select(self, rows: Int[Tensor, " r"]) -> Memory:
        """Some of the rows."""
        return Memory(self.hidden[rows], None if self.keep is None else self.keep[rows])


class Cache:
    """Keys and values of the tokens so far, a pair (b g n d) a layer, and those of the memory that cross-attention looks at.

    Room is taken ahead and doubled when full, so a step writes its own keys and copies nothing.
    """

    def __init__(self, depth: int, *, room: int = 32):
        self.length = self.reorders = 0
        self._room = room
        self._near: list[KeyValue | None] = [None] * depth
        self._far: list[KeyValue | None] = [None] * depth

    @property
    def nbytes(self) -> int:
        """Bytes held, room taken ahead included."""
        return sum(t.nbytes for pair in (*self._near, *self._far) if pair for t in pair)

    def extend(self, layer: int, k: Float[Tensor, "b g n d"], v: Float[Tensor, "b g n d"]) -> KeyValue:
        """Write the keys and values of new tokens after the old ones -> all of them so far, as views.

        `length` moves when the last layer has written (`advance`), so all layers of one step agree on it.
        """
        end = self.length + k.shape[2]
        held = self._near[layer]
        if held is None or held[0].shape[2] < end:
            held = self._near[layer] = self._grown(held, k, v, max(self._room, 2 * end if held else end))
        for kept, new in zip(held, (k, v), strict=True):
            kept[:, :, self.length : end] = new
        return held[0][:, :, :end], held[1][:, :, :end]

    def advance(self, n: int) -> None:
        """Say that all layers have written `n` more tokens."""
        self.length += n

    def far(self, layer: int) -> KeyValue | None:
        """Keys and values of the memory, where this layer has made them already."""
        return self._far[layer]

    def keep_far(self, layer: int, k: Tensor, v: Tensor) -> None:
        """Keep the memory's keys and values: they are the same at every step."""
        self._far[layer] = (k, v)

    def reorder(self, parents: Int[Tensor, " r"]) -> None:
        """Row i goes on from what row parents[i] had. Rows may be repeated or left out. The memory stays as it is."""
        self.reorders += 1
        self._near = [pair and (_pick(pair[0], parents, self.length), _pick(pair[1], parents, self.length)) for pair in self._near]

    def select_memory(self, rows: Int[Tensor, " r"]) -> None:
        """Keep only some rows of the memory (when some sentences of a batch are done)."""
        self._far = [pair and (pair[0][rows], pair[1][rows]) for pair in self._far]

    def trim(self, n: int) -> None:
        """Forget all but the first `n` tokens."""
        self.length = min(self.length, n)

    def _grown(self, held: KeyValue | None, k: Tensor, v: Tensor, room: int) -> KeyValue:
        grown = tuple(t.new_empty(*t.shape[:2], room, t.shape[3]) for t in (k, v))
        if held is not None:
            for new, old in zip(grown, held, strict=True):
                new[:, :, : self.length] = old[:, :, : self.length]
        return grown[0], grown[1]


def _pick(x: Tensor, rows: Tensor, length: int) -> Tensor:
    """The chosen rows, with the room ahead kept; only the written part is copied."""
    out = x.new_empty(len(rows), *x.shape[1:])
    out[:, :, :length] = x[rows, :, :length]
    return out
