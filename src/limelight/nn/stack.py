"""A column of layers. Whatever is the same for all of them (mask, bias, positions) is decided here, once."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from .. import ops
from ..spec import Alibi, Buckets, Rotary
from ..spec import Stack as StackSpec
from .attention import Sight
from .block import Block, norm
from .cache import Cache, Memory
from .embed import Embed


class Stack(nn.Module):
    """An encoder or a decoder."""

    def __init__(self, s: StackSpec, dim: int, lent: nn.Embedding | None = None):
        super().__init__()
        self.spec = s
        self.embed = Embed(s, dim, lent)
        self.blocks = nn.ModuleList(Block(s, dim, i) for i in range(s.depth))
        self.norm = norm(s.norm, dim) if s.norm_output else nn.Identity()
        self.distance = nn.Embedding(s.position.count, s.attention.heads) if isinstance(s.position, Buckets) else None

    @property
    def layers(self) -> list[Block]:
        """The blocks, first to last."""
        return [block for block in self.blocks if isinstance(block, Block)]

    def forward(
        self,
        tokens: Int[Tensor, "b n"],
        keep: Bool[Tensor, "b _"] | None = None,
        memory: Memory | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Tokens (b n) -> hidden states (b n m). `keep` covers the cached slots too: (b past + n)."""
        past, n = cache.length if cache else 0, tokens.shape[1]
        slots = torch.arange(past, past + n, device=tokens.device)
        # Slots count every key; positions count only real tokens, so padding on either side costs nothing.
        at = slots[None] if keep is None else (keep.cumsum(1) - 1).clamp(min=0)[:, past:]
        x = self.embed(tokens, at, past + n)
        near = self._near(at, slots, past + n, keep)
        far = None if memory is None else self._far(at, memory)
        for block in self.blocks:
            x = block(x, None if memory is None else memory.hidden, near, far, cache)
        if cache is not None:
            cache.advance(n)
        return self.norm(x)

    def _near(self, at: Tensor, slots: Tensor, length: int, keep: Tensor | None) -> Sight:
        s, many = self.spec, len(slots) > 1
        rules = [ops.causal] * (s.causal and many)                  # the newest token alone may see all that came before it
        rules += [] if s.attention.window is None else [ops.window(s.attention.window)]
        rules += [] if keep is None else [ops.padding(keep)]
        rotary = s.position if isinstance(s.position, Rotary) else None
        bias = self._bias(slots, length)
        if rules in ([], [ops.causal]):                             # needs no mask in memory
            return Sight(at, None, bool(rules), bias, rotary)
        mask = rules[0]
        for rule in rules[1:]:
            mask = mask & rule
        return Sight(at, mask.dense(slots, torch.arange(length, device=slots.device)), False, bias, rotary)

    def _far(self, at: Tensor, memory: Memory) -> Sight:
        return Sight(at, None if memory.keep is None else memory.keep[:, None, None, :])

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
