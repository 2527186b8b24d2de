"""Still: a cache whose memory stays where it is, for steps that are the same work every time.

On a GPU a step of a small model costs what it takes to launch its kernels. A graph launches them all at once, if each finds what it
reads in the place and in the shape that it had when the graph was recorded (see decode.still). So room is taken once, all of it is
looked at under a mask, and where the new token stands is a number in memory, too.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .cache import Cache, KeyValue


class StillCache:
    """Keys and values of one more token a row at a time; see History. `slots`: (1) where that one stands, for kernels, as `length` is
    for us; `keep`: (b room) True on the real tokens so far, and on that one; `most`: real tokens in the longest row.

    Whoever steps says `next` before, and `stepped` after: what was recorded does neither.
    """

    def __init__(self, block: Float[Tensor, "l b g room d"]):
        """`block`: room for keys and values by turns, of all layers."""
        self.length = self.most = self.reorders = self.run = 0
        self.room = block.shape[3]
        self.tensor = block
        self.keep: Bool[Tensor, "b room"] = torch.zeros(block.shape[1], self.room, dtype=torch.bool, device=block.device)
        self.slots: Int[Tensor, "1"] = torch.zeros(1, dtype=torch.long, device=block.device)
        self._layers = block.unbind(0)

    def begin(self, past: Cache | StillCache, keep: Bool[Tensor, "b n"] | None) -> None:
        """Go on from what stands in another cache, of which `keep` says what is real."""
        self.length, self.reorders, self.run = past.length, past.reorders, past.run
        self.tensor.zero_()                                              # what is hidden is multiplied by 0, and must be a number
        self.tensor[:, :, :, : past.length].copy_(past.written)
        self.keep.zero_()
        self.keep[:, : past.length] = True if keep is None else keep[:, : past.length]
        self.most = past.length if keep is None else int(self.keep.sum(1).max())

    def next(self) -> None:
        """A token comes."""
        self.slots.fill_(self.length)
        self.keep[:, self.length] = True

    def stepped(self) -> None:
        """It is there."""
        self.length, self.most = self.length + 1, self.most + 1

    @property
    def written(self) -> Float[Tensor, "l b g n d"]:
        """All that stands here."""
        return self.tensor[:, :, :, : self.length]

    def extend(self, layer: int, k: Float[Tensor, "b g 1 d"], v: Float[Tensor, "b g 1 d"]) -> KeyValue:
        """Write the token's keys and values -> all of the room."""
        keys, values = (self._layers[2 * layer + part][:, : k.shape[1]] for part in (0, 1))
        keys.index_copy_(2, self.slots, k)
        values.index_copy_(2, self.slots, v)
        return keys, values

    def advance(self, n: int) -> None:
        """See `stepped`."""

    def far(self, layer: int) -> KeyValue | None:
        """There is no memory."""
        del layer

    def keep_far(self, layer: int, k: Tensor, v: Tensor) -> None:
        """There is none to keep."""

    def reorder(self, parents: Int[Tensor, " r"]) -> None:
        """Row i goes on from what row parents[i] had. There are no more than there were; those left behind become the first's twins."""
        self.reorders += 1
        all_rows = torch.cat((parents, parents[:1].expand(self.tensor.shape[1] - len(parents))))
        self.written.copy_(self.written[:, all_rows])
        self.keep.copy_(self.keep[all_rows])
        self.most = int(self.keep.sum(1).max())
