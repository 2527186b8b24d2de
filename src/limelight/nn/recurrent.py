"""Recurrent encoders and decoders: what attention was invented for, under the same encode and decode as all models.

Sutskever et al. 2014 (one vector between them), Bahdanau et al. 2015 (the previous state asks), Luong et al. 2015 (the current one
does, with input feeding or without).
"""

from __future__ import annotations

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
from .packed import Linear


class Layer(nn.Module):
    """One layer of an encoder: forwards, and backwards beside it where the spec reads both ways."""

    def __init__(self, s: Recurrent, dim: int):
        super().__init__()
        width = dim // 2 if s.bidirectional else dim
        self.dropout = s.dropout
        self.onward = Cell(s.cell, dim, width)
        self.back = Cell(s.cell, dim, width) if s.bidirectional else None

    def forward(self, x: Float[Tensor, "b n m"], keep: Bool[Tensor, "b n"] | None) -> Float[Tensor, "b n m"]:
        """Each place with what comes before it, and with what comes after it; places that are not kept are left out and get zeros."""
        x = dropout(x, self.dropout, self.training)
        sides = [_along(self.onward, x, _places(keep, x, back=False))]
        if self.back is not None:
            sides.append(_along(self.back, x, _places(keep, x, back=True)))
        out = torch.cat(sides, -1)
        return out if keep is None else out * keep[..., None]


def _places(keep: Tensor | None, x: Tensor, *, back: bool) -> Int[Tensor, "b n"] | None:
    """In which order a direction reads: real places first, so that padding on either side changes nothing."""
    slots = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    if keep is None:
        return slots.flip(1) if back else None
    if not back and bool((keep.cummin(1).values == keep).all()):
        return None                                               # padding is on the right already
    return torch.where(keep, -slots if back else slots, x.shape[1]).argsort(dim=1, stable=True)


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
        ends = []
        for layer in self.blocks:
            x = layer(x, keep)
            ends.append(self._ends(x, keep))
        return Memory(self.norm(x), keep, torch.cat(ends, -1))

    def _ends(self, x: Tensor, keep: Tensor | None) -> Float[Tensor, "b m"]:
        """What each direction knows when it has read all: at the last place, and at the first."""
        if keep is None:
            return torch.cat((x[:, -1, : self.side], x[:, 0, self.side :]), -1)
        count, rows = keep.cumsum(1), torch.arange(len(x), device=x.device)
        first, last = (keep & (count == 1)).long().argmax(1), (keep & (count == count[:, -1:])).long().argmax(1)
        return torch.cat((x[rows, last, : self.side], x[rows, first, self.side :]), -1)


class RecurrentDecoder(nn.Module):
    """Cells over cells, begun from what the encoder left, and an attention that the previous state or the current one asks.

    Its state is one tensor (b r m) in the caller's cache: h (and c) of each layer, and with input feeding the last output.
    """

    def __init__(self, s: Recurrent, dim: int, lent: nn.Embedding | None = None, *, summary: int = 0):
        super().__init__()
        self.spec, self.dim = s, dim
        self.embed = Embed(s, dim, lent)
        extra = dim if s.steps else 0                              # what was seen, or what was made of it, beside the token
        self.cells = nn.ModuleList(Cell(s.cell, dim + extra if i == 0 else dim, dim) for i in range(s.depth))
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
        keep = None if keep is None or bool(keep.all()) else keep[:, past:]
        x = self.embed(tokens, torch.zeros_like(tokens), past + tokens.shape[1])
        state = self._begun(x, memory) if cache.state is None else cache.state
        far = Sight() if memory is None else Sight(None if memory.keep is None else memory.keep[:, None, None, :], draws=draws)
        hidden = None if memory is None else memory.hidden
        if self.spec.steps and self.cross is not None and hidden is not None:
            out, state = self._steps(x, state, keep, _Looking(self.cross, hidden, far, cache))
        else:
            s, state = self._columns(x, state, keep)
            out = self._made(s, None if self.cross is None or hidden is None else self.cross(s, hidden, far, cache, 0))
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
        """Place by place."""
        outs = []
        for t in range(x.shape[1]):
            out, moved = self._step(x[:, t], state, look)
            state = moved if keep is None else torch.where(keep[:, t, None, None], moved, state)
            look.cache.advance(1)
            outs.append(out)
        return torch.stack(outs, 1), state

    def _step(self, x: Tensor, state: Tensor, look: _Looking) -> tuple[Float[Tensor, "b m"], Float[Tensor, "b r m"]]:
        feeding = self.spec.feeding
        cells, fed = (state[:, :-1], state[:, -1]) if feeding else (state, None)
        seen = look(cells[:, -self._cells[-1].parts]) if fed is None else fed          # Bahdanau: the previous state asks
        into, after = torch.cat((x, seen), -1), []
        for cell, mine in zip(self._cells, self._parted(cells), strict=True):
            after.append(cell.step(dropout(into, self.spec.dropout, self.training) if after else into, mine))
            into = after[-1][:, 0]
        out = self._made(into, look(into) if feeding else seen)
        return out, torch.cat((*after, out[:, None].to(state.dtype)) if feeding else after, 1)

    def _parted(self, state: Tensor) -> list[Tensor]:
        return list(state.split([cell.parts for cell in self._cells], 1))

    def _made(self, s: Float[Tensor, "*n m"], seen: Float[Tensor, "*n m"] | None) -> Float[Tensor, "*n m"]:
        out = self.readout(s if seen is None else torch.cat((seen, s), -1)).tanh()
        return dropout(out, self.spec.dropout, self.training)


class _Looking:
    """One question at a time to the same memory."""

    def __init__(self, cross: Attention, hidden: Tensor, far: Sight, cache: Cache):
        self.cross, self.hidden, self.far, self.cache = cross, hidden, far, cache

    def __call__(self, asking: Float[Tensor, "b m"]) -> Float[Tensor, "b m"]:
        return self.cross(asking[:, None], self.hidden, self.far, self.cache, 0)[:, 0]
