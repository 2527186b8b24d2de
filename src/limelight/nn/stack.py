"""A column of layers. Whatever is the same for all of them (mask, bias, positions) is decided here, once."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from .. import ops
from ..spec import Alibi, Buckets, Dot, Kernel, Rotary, ScaledDot, Soft
from ..spec import Stack as StackSpec
from .at_once import AtOnce, Given
from .attention import Attention, Sight, Turn
from .block import Block
from .cache import History, Memory
from .draws import Draws
from .embed import Embed
from .norms import norm
from .packed import Kind, Linear
from .rotary import angles
from .still import StillCache


class Stack(nn.Module):
    """An encoder or a decoder."""

    def __init__(self, s: StackSpec, dim: int, lent: nn.Embedding | None = None):
        super().__init__()
        self.spec = s
        self.embed = Embed(s, dim, lent)
        self.blocks = nn.ModuleList(Block(s, dim, i) for i in range(s.depth))
        self.norm = norm(s.norm, dim) if s.norm_output else nn.Identity()
        self.project = Linear(dim, s.input.width, bias=False) if s.input.width else nn.Identity()
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
        self, tokens: Int[Tensor, "b n"], keep: Bool[Tensor, "b n"] | None = None, segments: Int[Tensor, "b n"] | None = None
    ) -> Memory:
        """Tokens (b n) -> what is known of each place."""
        return Memory(self(tokens, keep, segments=segments), keep)

    def forward(
        self,
        tokens: Int[Tensor, "b n"],
        keep: Bool[Tensor, "b _"] | None = None,
        memory: Memory | None = None,
        cache: History | None = None,
        draws: Draws | None = None,
        segments: Int[Tensor, "b n"] | None = None,
    ) -> Tensor:
        """Tokens (b n) -> hidden states (b n m). `keep` covers the cached slots too: (b past + n)."""
        s, past, n = self.spec, cache.length if cache else 0, tokens.shape[1]
        still = cache if isinstance(cache, StillCache) else None         # which knows its place in numbers that kernels can read
        slots, keys = (torch.arange(past, past + n, device=tokens.device), past + n) if still is None else (still.slots, still.room)
        # Slots count every key; positions count only real tokens, so padding on either side costs nothing.
        at = slots[None] if keep is None else (keep.cumsum(1) - 1).clamp(min=0)[:, slots if still else slice(past, None)]
        x = self.embed(tokens, at, past + n if still is None else 0, segments)
        bias = self._bias(slots, keys)
        turn = Turn(*angles(s.position, at, self.width), s.position.pairs) if isinstance(s.position, Rotary) else None
        see = partial(self._nears, slots, keys, keep, bias, turn)
        far = None if memory is None else Sight.far(memory, draws, None if keep is None else at)
        given = Given(x, see, bias, turn, keep, memory, far, cache)
        x = self.norm(self._layers(given)) if self.at_once is None or not self.at_once.serves(given) else self.at_once(given)
        if cache is not None:
            cache.advance(n)
        return self.project(x)

    def _layers(self, given: Given) -> Tensor:
        """One after another."""
        x, hidden = given.x, None if given.memory is None else given.memory.hidden
        for block, near in zip(self.blocks, given.nears, strict=True):
            x = block(x, hidden, near, given.far, given.cache)
        return x

    def _nears(self, slots: Tensor, length: int, keep: Tensor | None, bias: Tensor | None, turn: Turn | None) -> list[Sight]:
        """What each layer may see of the sequence itself: one sight for all layers of one window."""
        s = self.spec
        windows = s.windows or (s.attention.window,) * s.depth
        sights: dict[int | None, Sight] = {}
        for window in dict.fromkeys(windows):
            if bias is None and self._needs_no_pairs(slots, length, window):
                by_key = None if keep is None else keep[:, None, None, :]
                sights[window] = Sight(by_key, s.causal and len(slots) > 1, None, turn, window)
            else:
                sights[window] = Sight(*self._allow(slots, length, keep, window), bias, turn)
        return [sights[window] for window in windows]

    def _needs_no_pairs(self, slots: Tensor, length: int, window: int | None) -> bool:
        """Whether it goes without a mask of queries x keys: a kernel's sums, and windows over a whole text that is long enough for them."""
        a = self.spec.attention
        if window is None:
            return isinstance(a.weights, Kernel)
        usual = isinstance(a.weights, Soft) and isinstance(a.score, Dot | ScaledDot)
        return usual and len(slots) == length and ops.windowed_pays(length, window)

    def _allow(self, slots: Tensor, length: int, keep: Tensor | None, window: int | None) -> tuple[Tensor | None, bool]:
        """The mask, and whether it is plainly causal, which needs none in memory."""
        rules = [ops.causal] * (self.spec.causal and len(slots) > 1)     # the newest token alone may see all that came before it
        rules += [] if window is None or length <= window else [ops.window(window)]
        rules += [] if keep is None else [ops.padding(keep)]
        if rules in ([], [ops.causal]):
            return None, bool(rules)
        mask = rules[0]
        for rule in rules[1:]:
            mask = mask & rule
        return mask.dense(slots, torch.arange(length, device=slots.device)), False

    def _bias(self, slots: Tensor, length: int) -> Tensor | None:
        match self.spec.position:
            case Alibi():
                keys = torch.arange(length, device=slots.device)
                return ops.alibi(self.spec.attention.heads, slots, keys).to(self.embed.table.weight.dtype)
            case Buckets(count=count, furthest=furthest) if self.distance is not None:
                keys = torch.arange(length, device=slots.device)
                which = ops.bucket(keys[None] - slots[:, None], count=count, furthest=furthest, both_ways=not self.spec.causal)
                return self.distance(which).permute(2, 0, 1)[None]   # (q k h) -> (1 h q k)
        return None
