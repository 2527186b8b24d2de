"""Recurrent encoders and decoders: what attention was invented for, under the same encode and decode as all models.

Sutskever et al. 2014 (one vector between them), Bahdanau et al. 2015 (the previous state asks), Luong et al. 2015 (the current one
does, with input feeding or without).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..errors import InputError
from ..ops import dropout
from ..spec import Recurrent
from .attention import Attention, Sight
from .cache import Cache, Memory
from .cells import Cell
from .draws import Draws
from .embed import Embed
from .heads import pool
from .packed import Linear


class Ways:
    """In which order places are read, (b n) each: real ones first, so that padding on either side changes nothing; None as they stand."""

    def __init__(self, tokens: Int[Tensor, "b n"], keep: Bool[Tensor, "b n"] | None):
        slots = torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape)
        self.onward: Int[Tensor, "b n"] | None = None
        self.back: Int[Tensor, "b n"] | None = slots.flip(1)
        if keep is not None:
            if not bool((keep[:, 1:] <= keep[:, :-1]).all()):
                self.onward = _first(keep, slots)
            self.back = _first(keep, -slots)


def _first(keep: Tensor, order: Tensor) -> Int[Tensor, "b n"]:
    """Places that are kept in their order, then the others."""
    return torch.where(keep, order, keep.shape[1]).argsort(dim=1, stable=True)


class Layer(nn.Module):
    """One layer of an encoder: forwards, and backwards beside it where the spec reads both ways."""

    def __init__(self, s: Recurrent, dim: int):
        super().__init__()
        width = dim // 2 if s.bidirectional else dim
        self.dropout = s.dropout
        self.onward = Cell(s.cell, dim, width)
        self.back = Cell(s.cell, dim, width) if s.bidirectional else None

    def forward(self, x: Float[Tensor, "b n m"], keep: Bool[Tensor, "b n"] | None, ways: Ways) -> Float[Tensor, "b n m"]:
        """Each place with what comes before it, and with what comes after it; places that are not kept are left out and get zeros."""
        x = dropout(x, self.dropout, self.training)
        sides = [_along(self.onward, x, ways.onward)]
        if self.back is not None:
            sides.append(_along(self.back, x, ways.back))
        out = torch.cat(sides, -1)
        return out if keep is None else out * keep[..., None]


def _along(cell: Cell, x: Tensor, places: Tensor | None) -> Tensor:
    if places is None:
        return cell.run(x, cell.blank(x))[0]
    out, _ = cell.run(x.gather(1, places[..., None].expand_as(x)), cell.blank(x))
    return out.gather(1, places.argsort(1)[..., None].expand_as(out))


class RecurrentEncoder(nn.Module):
    """Layers over layers; what is left at the ends of each is the summary that a decoder begins with."""

    def __init__(self, s: Recurrent, dim: int, lent: nn.Embedding | None = None):
        super().__init__()
        self.spec = s
        self.embed = Embed(s, dim, lent)
        self.blocks = nn.ModuleList(Layer(s, dim) for _ in range(s.depth))
        self.norm = nn.Identity()
        self.side = dim // 2 if s.bidirectional else dim

    @property
    def layers(self) -> list[nn.Module]:
        """The layers, first to last."""
        return list(self.blocks)

    def attentions(self) -> dict[str, Attention]:
        """None: it only remembers."""
        return {}

    def read(self, tokens: Int[Tensor, "b n"], keep: Bool[Tensor, "b n"] | None = None, segments: Tensor | None = None) -> Memory:
        """Tokens (b n) -> states of all places (b n m), and the last states of all layers side by side (b depth·m)."""
        if segments is not None:
            raise InputError("a recurrent encoder does not tell segments apart.", "Leave them out of the batch.")
        x = self.embed(tokens, torch.zeros_like(tokens), tokens.shape[1])
        ends, ways = [], Ways(tokens, keep)
        for layer in self.blocks:
            x = layer(x, keep, ways)
            ends.append(self._ends(x, keep))
        return Memory(self.norm(x), keep, torch.cat(ends, -1))

    def _ends(self, x: Tensor, keep: Tensor | None) -> Float[Tensor, "b m"]:
        """What each direction knows when it has read all: at the last place, and at the first."""
        return torch.cat((pool(x[..., : self.side], keep, "last"), pool(x[..., self.side :], keep, "first")), -1)


class RecurrentDecoder(nn.Module):
    """Cells over cells, begun from what the encoder left, and an attention that the previous state or the current one asks.

    Its state is one tensor (b r m) in the caller's cache: h (and c) of each layer, and with input feeding the last output.
    """

    def __init__(self, s: Recurrent, dim: int, lent: nn.Embedding | None = None, *, summary: int = 0):
        super().__init__()
        self.spec, self.dim = s, dim
        self.embed = Embed(s, dim, lent)
        seen = dim if s.steps else 0                               # or what was made of it
        self.cells = nn.ModuleList(Cell(s.cell, dim, dim, seen=0 if i else seen) for i in range(s.depth))
        self.norm = nn.Identity()
        self.rows = sum(cell.parts for cell in self._cells)
        self.bridge = Linear(summary, self.rows * dim) if summary else None
        self.cross = Attention(s.cross, dim) if s.cross else None
        self.readout = Linear(2 * dim if s.cross else dim, dim)

    @property
    def _cells(self) -> list[Cell]:
        return [cell for cell in self.cells if isinstance(cell, Cell)]

    def attentions(self) -> dict[str, Attention]:
        """The one attention, named after the layer whose state asks."""
        return {} if self.cross is None else {f"{self.spec.depth - 1}.cross": self.cross}

    def forward(
        self,
        tokens: Int[Tensor, "b n"],
        keep: Bool[Tensor, "b _"] | None = None,
        memory: Memory | None = None,
        cache: Cache | None = None,
        draws: Draws | None = None,
    ) -> Float[Tensor, "b n m"]:
        """Tokens (b n) -> what is made of state and context at each, tanh(W [context; state]) (Luong et al. 2015, equation 5)."""
        cache = cache or Cache(1)                                  # the memory's keys are made once, also where nobody keeps them
        past = cache.length
        keep = None if keep is None or bool(keep.all()) else keep
        at = None if keep is None else (keep.cumsum(1) - 1).clamp(min=0)[:, past:]      # padding is no step
        keep = None if keep is None else keep[:, past:]
        x = self.embed(tokens, torch.zeros_like(tokens), past + tokens.shape[1])
        state = self._begun(x, memory) if cache.state is None else cache.state
        look = None if self.cross is None or memory is None else _Looking(self.cross, memory, cache, draws, at)
        if self.spec.steps and look is not None:
            out, state = self._steps(x, state, keep, look)
        else:
            s, state = self._columns(x, state, keep)
            out = self._made(s if look is None else torch.cat((look(s, 0), s), -1))
            cache.advance(tokens.shape[1])
        cache.state = state
        return self.norm(out)

    def _begun(self, x: Tensor, memory: Memory | None) -> Float[Tensor, "b r m"]:
        """The first state: what the encoder left, through a map; h is bent as states are (Bahdanau et al. 2015, appendix A.2.2)."""
        if self.bridge is None or memory is None:
            begun = x.new_zeros(len(x), self.rows, self.dim)
        else:
            begun = self.bridge(memory.summed()).unflatten(-1, (self.rows, self.dim)).to(x.dtype)
            heads = torch.zeros(self.rows, 1, dtype=torch.bool, device=x.device)
            heads[:: self._cells[0].parts] = True
            begun = torch.where(heads, begun.tanh(), begun).repeat_interleave(len(x) // len(memory), 0)
        return torch.cat((begun, begun.new_zeros(len(x), 1, self.dim)), 1) if self.spec.feeding else begun

    def _columns(self, x: Tensor, state: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
        """Layer by layer over all places: nothing of a step goes into the next but the cells' own states."""
        states = []
        for cell, mine in zip(self._cells, self._parted(state), strict=True):
            x, after = cell.run(dropout(x, self.spec.dropout, self.training) if states else x, mine, keep)
            states.append(after)
        return x, torch.cat(states, 1)

    def _steps(self, x: Tensor, state: Tensor, keep: Tensor | None, look: _Looking) -> tuple[Tensor, Tensor]:
        """Place by place; all that does not wait for the place before is made for all of them at once."""
        outs = []
        for t, given in enumerate(self._cells[0].x(x).unbind(1)):
            out, moved = self._step(given, state, look, t)
            state = moved if keep is None else torch.where(keep[:, t, None, None], moved, state)
            look.cache.advance(1)
            outs.append(out)
        out = torch.stack(outs, 1)
        return out if self.spec.feeding else self._made(out), state

    def _step(self, given: Tensor, state: Tensor, look: _Looking, t: int) -> tuple[Float[Tensor, "b _"], Float[Tensor, "b r m"]]:
        """-> what was made at this place and goes into the next, or what it will be made of; and the state."""
        feeding = self.spec.feeding
        cells, fed = (state[:, :-1], state[:, -1]) if feeding else (state, None)
        seen = look(cells[:, None, -self._cells[-1].parts], t)[:, 0] if fed is None else fed    # Bahdanau: the previous state asks
        first, *others = zip(self._cells, self._parted(cells), strict=True)
        after = [first[0].move(given, first[1], seen)]
        for cell, mine in others:
            after.append(cell.step(dropout(after[-1][:, 0], self.spec.dropout, self.training), mine))
        s = after[-1][:, 0]
        if not feeding:
            return torch.cat((seen, s), -1), torch.cat(after, 1)
        out = self._made(torch.cat((look(s[:, None], t)[:, 0], s), -1))
        return out, torch.cat((*after, out[:, None].to(state.dtype)), 1)

    def _parted(self, state: Tensor) -> list[Tensor]:
        return list(state.split([cell.parts for cell in self._cells], 1))

    def _made(self, known: Float[Tensor, "*n k"]) -> Float[Tensor, "*n m"]:
        """`known`: context and state side by side, or the state alone."""
        return dropout(self.readout(known).tanh(), self.spec.dropout, self.training)


@dataclass(frozen=True, eq=False)
class _Looking:
    """Questions to one memory. `at`: the steps of all places, (b n), where they are not their slots."""

    cross: Attention
    memory: Memory
    cache: Cache
    draws: Draws | None
    at: Int[Tensor, "b n"] | None

    def __call__(self, asking: Float[Tensor, "b q m"], t: int) -> Float[Tensor, "b q m"]:
        """What states from place t on get to see."""
        at = None if self.at is None else self.at[:, t : t + asking.shape[1]]
        return self.cross(asking, self.memory.hidden, Sight.far(self.memory, self.draws, at), self.cache, 0)
