"""A column of layers. Whatever is the same for all of them (mask, bias, positions) is decided here, once."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import ops
from ..spec import Alibi, AlongRows, Around, Buckets, Captioned, Dot, DownColumns, Kernel, Pattern, Rotary, ScaledDot, Soft, Tokens
from ..spec import Stack as StackSpec
from .at_once import AtOnce, Given
from .attention import Attention, Sight, Turn
from .block import Block
from .cache import History, Memory
from .draws import Draws
from .embed import Embed
from .norms import norm
from .packed import Kind, Linear
from .paged_cache import PagedCache
from .rotary import angles
from .still import StillCache


class Stack(nn.Module):
    """An encoder or a decoder. `lent`: another's table of embeddings; `source`: the width of what its cross-attention looks at."""

    def __init__(self, s: StackSpec, dim: int, lent: nn.Embedding | None = None, source: int | None = None):
        super().__init__()
        self.spec = s
        self.embed = Embed(s, dim, lent)
        self.blocks = nn.ModuleList(Block(s, dim, i, source or dim) for i in range(s.depth))
        self.norm = norm(s.norm, dim) if s.norm_output else nn.Identity()
        wide = s.input.width if isinstance(s.input, Tokens) else None
        self.project = nn.Identity() if wide is None else Linear(dim, wide, bias=False)
        self.width = s.attention.width(dim)
        self.distance = nn.Embedding(s.position.count, s.attention.heads) if isinstance(s.position, Buckets) else None
        self.at_once: AtOnce | None = None

    @property
    def layers(self) -> list[Block]:
        """The blocks, first to last."""
        return [block for block in self.blocks if isinstance(block, Block)]

    @property
    def has_bias(self) -> bool:
        """Whether scores depend on how far apart slots are."""
        return isinstance(self.spec.position, Alibi | Buckets)

    @property
    def cached(self) -> torch.dtype:
        """The number format in which its keys and values are kept."""
        return self.embed.like.dtype if self.at_once is None else self.at_once.dtype

    def pack(self, kind: Kind) -> None:
        """See nn.packed.Packs; what is inside is packed already."""
        self.at_once = AtOnce(self, kind) if AtOnce.able(self) else None

    def attentions(self) -> dict[str, Attention]:
        """Every attention by layer and kind: "0.self", "3.cross" ..."""
        found: dict[str, Attention] = {}
        for i, block in enumerate(self.layers):
            found[f"{i}.self"] = block.attn
            if block.cross is not None:
                found[f"{i}.cross"] = block.cross
        return found

    def read(
        self, values: Tensor, keep: Bool[Tensor, "b *n"] | None = None, segments: Int[Tensor, "b n"] | None = None
    ) -> Memory:
        """What is read (see Embed.vectors) -> what is known of each place; `keep`: of tokens (b n), or of pixels (b r c)."""
        keep = self.embed.kept(values, keep)
        at = torch.arange(self.embed.slots(values), device=values.device)[None] if keep is None else _at(keep)
        return Memory(self(values, keep, segments=segments), keep, places=self.embed.places(values, at, keep) if self.spec.again else None)

    def forward(
        self,
        values: Tensor,
        keep: Bool[Tensor, "b _"] | None = None,
        memory: Memory | None = None,
        cache: History | None = None,
        draws: Draws | None = None,
        segments: Int[Tensor, "b n"] | None = None,
    ) -> Tensor:
        """What is read, such as tokens (b n) -> hidden states (b n m). `keep` covers the cached slots too: (b past + n)."""
        s, past, n = self.spec, cache.length if cache else 0, self.embed.slots(values)
        still = cache if isinstance(cache, StillCache) else None         # which knows its place in numbers that kernels can read
        slots, keys = (torch.arange(past, past + n, device=values.device), past + n) if still is None else (still.slots, still.room)
        # Slots count every key; positions count only real tokens, so padding on either side costs nothing.
        at = slots[None] if keep is None else _at(keep)[:, slots if still else slice(past, None)]
        x = self.embed(values, at, past + n if still is None else 0, segments)
        turn = Turn(*angles(s.position, at, self.width), s.position.pairs) if isinstance(s.position, Rotary) else None
        place = self.embed.places(values, at, keep) if s.again else None
        see = partial(self._nears, slots, keys, keep, turn, place, newest=still is None)
        far = None if memory is None else Sight.far(memory, draws, None if keep is None else at, place)
        given = Given(x, see, turn, keep, memory, far, cache)
        if self.at_once is not None and self.at_once.serves(given):
            x = self.at_once(given)
        else:
            x = self.norm(self._layers(given, self.embed.later(values)))
        if cache is not None:
            cache.advance(n)
        return self.project(x)

    def go_on(self, cache: PagedCache) -> Float[Tensor, "b m"]:
        """Read the new tokens of rows in pages, however many each has -> what is known of the last of each.

        In one pass where the native column serves; else rows with as many new tokens go through the layers together.
        """
        if self.at_once is None or not self.at_once.reads(cache):
            found = [(rows, self(part.tokens, part.keep, cache=part)[:, -1]) for rows, part in cache.even()]
            last = found[0][1].new_empty(len(cache.rows), found[0][1].shape[1])
            for rows, hidden in found:
                last[rows] = hidden
            return last
        s, flat = self.spec, cache.flat()
        x = self.embed(flat.tokens, flat.at, flat.longest)
        turn = Turn(*angles(s.position, flat.at, self.width, flat.ends), s.position.pairs) if isinstance(s.position, Rotary) else None
        x = self.at_once.pages(x, turn, flat, cache)[flat.first[1:] - 1]
        cache.advance(flat.longest)
        return self.project(x)

    def _layers(self, given: Given, later: Tensor | None) -> Tensor:
        """One after another; `later`: what is added ahead of each but the first."""
        x, hidden = given.x, None if given.memory is None else given.memory.hidden
        for i, (block, near) in enumerate(zip(self.blocks, given.nears, strict=True)):
            x = x if later is None or i == 0 else x + later[i - 1]
            x = block(x, hidden, near, given.far, given.cache)
        return x

    def _nears(
        self, slots: Tensor, length: int, keep: Tensor | None, turn: Turn | None, place: Tensor | None, *, newest: bool
    ) -> list[Sight]:
        """What each layer may see of the sequence itself: one sight for all layers of one window and pattern. `newest`: slots are the
        last."""
        s, bias = self.spec, self._bias(slots, length, newest=newest)
        kinds = list(zip(s.windows or (s.attention.window,) * s.depth, s.patterns or (None,) * s.depth, strict=True))
        sights: dict[tuple[int | None, Pattern | None], Sight] = {}
        for window, pattern in dict.fromkeys(kinds):
            if pattern is None and self._needs_no_pairs(slots, length, window, bias):
                by_key = None if keep is None else keep[:, None, None, :]
                sights[window, pattern] = Sight(by_key, s.causal and len(slots) > 1, bias, turn, window, place=place)
            else:
                sights[window, pattern] = Sight(*self._allow(slots, length, keep, window, pattern), bias, turn, place=place)
        return [sights[kind] for kind in kinds]

    def _needs_no_pairs(self, slots: Tensor, length: int, window: int | None, bias: Tensor | None) -> bool:
        """Whether it goes without a mask of queries x keys: a kernel's sums, windows over a whole text that is long enough for them, and
        what a GPU is told of order and padding apart."""
        a = self.spec.attention
        usual = isinstance(a.weights, Soft) and isinstance(a.score, Dot | ScaledDot)
        if window is None:
            apart = usual and ops.flex_pays(slots.device, len(slots)) and not (bias is not None and bias.requires_grad)
            return isinstance(a.weights, Kernel) or apart
        return usual and bias is None and len(slots) == length and ops.windowed_pays(length, window)

    def _allow(
        self, slots: Tensor, length: int, keep: Tensor | None, window: int | None, pattern: Pattern | None
    ) -> tuple[Tensor | None, bool]:
        """The mask, and whether it is plainly causal, which needs none in memory."""
        rules = [ops.causal] * (self.spec.causal and len(slots) > 1)     # the newest token alone may see all that came before it
        rules += [] if window is None or length <= window else [ops.window(window)]
        rules += [] if pattern is None else [_drawn(pattern, self.spec, keep)]
        rules += [] if keep is None else [ops.padding(keep)]
        if rules in ([], [ops.causal]):
            return None, bool(rules)
        mask = rules[0]
        for rule in rules[1:]:
            mask = mask & rule
        return mask.dense(slots, torch.arange(length, device=slots.device)), False

    def _bias(self, slots: Int[Tensor, " q"], length: int, *, newest: bool) -> Float[Tensor, "1 h q k"] | None:
        """Of these slots, to all; the `newest` need not be asked which they are."""
        table = self.by_distance(length)
        if table is None or newest:
            return None if table is None else table[:, : length - 1 + len(slots)].unfold(1, length, 1).flip(1)[None]
        return table[:, torch.arange(length, device=slots.device) - slots[:, None] + length - 1][None]

    def by_distance(self, reach: int) -> Float[Tensor, "h r"] | None:
        """What scores gain by how far apart slots are: of keys that stand 1 - reach ... reach - 1 slots after their query."""
        ahead = torch.arange(1 - reach, reach, device=self.embed.like.device)
        match self.spec.position:
            case Alibi():
                return ops.alibi(self.spec.attention.heads, ahead[:1] * 0, ahead)[0, :, 0].to(self.embed.like.dtype)
            case Buckets(count=count, furthest=furthest) if self.distance is not None:
                which = ops.bucket(ahead[None], count=count, furthest=furthest, both_ways=not self.spec.causal)
                return self.distance(which)[0].T                     # (1 r h) -> (h r)
        return None


def _at(keep: Bool[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """The positions of slots of which some are padding."""
    return (keep.cumsum(1) - 1).clamp(min=0)


def _drawn(pattern: Pattern, s: StackSpec, keep: Bool[Tensor, "b k"] | None) -> ops.Mask:
    """What a pattern lets a place of the grid behind a text see. Raises TypeError for a stack without such a grid."""
    if not isinstance(s.position, Captioned):
        raise TypeError("patterns are of a grid behind a text")
    columns = s.position.columns
    match pattern:
        case AlongRows():
            mask = ops.along_rows(columns)
        case DownColumns():
            mask = ops.down_columns(columns)
        case Around(size=size):
            mask = ops.around(columns, size)
    whole = ops.behind(s.position.text, mask)
    return whole if keep is None else ops.at_positions(whole, _at(keep))
