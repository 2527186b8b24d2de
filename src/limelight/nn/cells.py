"""One direction of one recurrent layer: a state that each place changes and hands on."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .packed import Linear

PARTS = {"lstm": 2, "gru": 1}            # hidden state and cell, or the hidden state alone
GATES = {"lstm": 4, "gru": 3}


class Cell(nn.Module):
    """`step` by step, or `run` over a whole sequence at once: the same numbers, by a library kernel where nothing stands in its way.

    LSTM (Hochreiter and Schmidhuber 1997; Gers et al. 2000), gates in the order input, forget, cell, output:
        c' = f * c + i * g;  h' = o * tanh(c');  i, f, o = sigmoid, g = tanh, of W x + U h + b
    GRU (Cho et al. 2014), gates in the order reset, update, new:
        h' = (1 - z) * n + z * h;  n = tanh(W x + r * (U h));  r, z = sigmoid
    States are (b p w): p parts, of which the first is h. `seen`: how wide is what comes to x from elsewhere at each step, for which
    C c is added to W x (Bahdanau et al. 2015, appendix A.2.2).
    """

    def __init__(self, kind: Literal["lstm", "gru"], wide: int, width: int, *, seen: int = 0):
        super().__init__()
        self.kind, self.width, self.parts = kind, width, PARTS[kind]
        self.x = Linear(wide, GATES[kind] * width)
        self.h = Linear(width, GATES[kind] * width)
        self.seen = Linear(seen, GATES[kind] * width, bias=False) if seen else None

    def reset(self) -> None:
        """First weights: orthogonal from state to state (Saxe et al. 2014), and a forget gate that is open (Jozefowicz et al. 2015)."""
        for gate in self.h.weight.chunk(GATES[self.kind]):
            nn.init.orthogonal_(gate)
        if self.kind == "lstm":
            nn.init.ones_(self.x.bias.chunk(4)[1])

    def blank(self, like: Float[Tensor, "b *_"]) -> Float[Tensor, "b p w"]:
        """The state before anything was read."""
        return like.new_zeros(len(like), self.parts, self.width)

    def step(self, x: Float[Tensor, "b i"], state: Float[Tensor, "b p w"]) -> Float[Tensor, "b p w"]:
        """One place further."""
        return self.move(self.x(x), state)

    def move(
        self, given: Float[Tensor, "b g"], state: Float[Tensor, "b p w"], seen: Float[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b p w"]:
        """One place further, where x has been through its map: for all places that is one product."""
        if self.seen is not None and seen is not None:
            given = given + self.seen(seen)
        h, said = state[:, 0], self.h(state[:, 0])
        if self.kind == "gru":
            (a, b, c), (r, z, n) = given.chunk(3, -1), said.chunk(3, -1)
            r, z = (a + r).sigmoid(), (b + z).sigmoid()
            n = (c + r * n).tanh()
            return (n + z * (h - n))[:, None]
        i, f, g, o = (given + said).chunk(4, -1)
        cell = f.sigmoid() * state[:, 1] + i.sigmoid() * g.tanh()
        return torch.stack((o.sigmoid() * cell.tanh(), cell), 1)

    def run(
        self, x: Float[Tensor, "b n i"], state: Float[Tensor, "b p w"], keep: Bool[Tensor, "b n"] | None = None
    ) -> tuple[Float[Tensor, "b n w"], Float[Tensor, "b p w"]]:
        """All places in order -> h at each, and the state after the last. Where `keep` is False the state stays what it was."""
        if keep is None and x.shape[1] > 1:
            return self._fused(x, state)
        hs = []
        for t, given in enumerate(self.x(x).unbind(1)):            # the way back through unbind is one stack, through slices many
            moved = self.move(given, state)
            state = moved if keep is None else torch.where(keep[:, t, None, None], moved, state)
            hs.append(state[:, 0])
        return torch.stack(hs, 1), state

    def _fused(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The same in one call of a library (half the time of the loop, there and back)."""
        weights = [self.x.weight, self.h.weight, self.x.bias, self.h.bias]
        state = state.to(x.dtype).transpose(0, 1).contiguous()                           # (p b w)
        plain = (True, 1, 0.0, self.training, False, True)         # biases, layers, dropout, training, both directions, batch first
        if self.kind == "gru":
            out, h = torch.gru(x, state, weights, *plain)
            return out, h.transpose(0, 1)
        out, h, c = torch.lstm(x, (state[:1], state[1:]), weights, *plain)
        return out, torch.cat((h, c)).transpose(0, 1)
