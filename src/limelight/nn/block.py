"""One layer: self-attention, perhaps cross-attention, feed-forward; each a branch added back to the stream."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from ..ops import dropout
from ..spec import FeedForward as FeedForwardSpec
from ..spec import Norm
from ..spec import Stack as StackSpec
from .attention import Attention, Sight
from .cache import History
from .norms import ACTIVATIONS, norm
from .packed import Linear


class FeedForward(nn.Module):
    """down(act(up x)), or gated: down(act(gate x) * up x); what comes to `down` is normed where the spec says so."""

    def __init__(self, s: FeedForwardSpec, dim: int, normed: Norm):
        super().__init__()
        self.spec, self.act, self.dropout = s, ACTIVATIONS[s.activation], s.dropout
        self.up = Linear(dim, s.hidden, s.bias)
        self.gate = Linear(dim, s.hidden, s.bias) if s.gated else None
        self.norm = norm(normed, s.hidden) if s.normed else nn.Identity()
        self.down = Linear(s.hidden, dim, s.bias)

    def forward(self, x: Float[Tensor, "b n m"]) -> Float[Tensor, "b n m"]:
        """Each place by itself."""
        bent = self.act(self.up(x)) if self.gate is None else self.act(self.gate(x)) * self.up(x)
        return self.down(dropout(self.norm(bent), self.dropout, self.training))


class Residual(nn.Module):
    """The one place that knows pre-norm from post-norm (Xiong et al. 2020, figure 1). `again`: what the branch gives is normed too."""

    def __init__(self, s: StackSpec, dim: int, *, again: bool = False):
        super().__init__()
        self.norm, self.pre, self.dropout = norm(s.norm, dim), s.norm_at == "pre", s.dropout
        self.again = norm(s.norm, dim) if again else nn.Identity()

    def forward(self, x: Tensor, branch: Callable[[Tensor], Tensor]) -> Tensor:
        """Add what the branch makes of x back to x."""
        if self.pre:
            return x + dropout(self.again(branch(self.norm(x))), self.dropout, self.training)
        return self.norm(x + dropout(self.again(branch(x)), self.dropout, self.training))


class Block(nn.Module):
    """A layer of an encoder or a decoder; `source`: the width of what its cross-attention looks at."""

    def __init__(self, s: StackSpec, dim: int, layer: int, source: int):
        super().__init__()
        self.layer = layer
        self.attn, self.attn_add = Attention(s.attention, dim, s.lost(layer, "self")), Residual(s, dim, again=s.norm_attention)
        self.cross = Attention(s.cross, dim, s.lost(layer, "cross"), source) if s.cross else None
        self.cross_add = Residual(s, dim, again=s.norm_attention) if s.cross else None
        self.ff, self.ff_add = FeedForward(s.ff, dim, s.norm), Residual(s, dim)

    def forward(self, x: Tensor, memory: Tensor | None, near: Sight, far: Sight | None, cache: History | None) -> Tensor:
        """x (b n m) -> (b n m); `near` is for self-attention, `far` for cross-attention to `memory`."""
        x = self.attn_add(x, lambda h: self.attn(h, None, near, cache, self.layer))
        if self.cross is not None and self.cross_add is not None and far is not None:
            cross = self.cross
            x = self.cross_add(x, lambda h: cross(h, memory, far, cache, self.layer))
        return self.ff_add(x, self.ff)
