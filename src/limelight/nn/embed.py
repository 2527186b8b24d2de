"""From token ids to vectors that know where they stand."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from .. import ops
from ..errors import InputError
from ..spec import Learned, Recurrent, Sinusoid
from ..spec import Stack as StackSpec
from .norms import norm
from .packed import Linear


class Embed(nn.Module):
    """Token vectors plus position vectors. `lent`: another stack's table, borrowed as a module and not owned."""

    def __init__(self, s: StackSpec | Recurrent, dim: int, lent: nn.Embedding | None = None):
        super().__init__()
        self.waves: Tensor
        self.dim = dim
        self.spec, self.scale = s, dim**0.5 if s.input.scaled else 1.0
        width = s.input.width or dim
        if lent is None:
            self.token = nn.Embedding(s.input.vocab, width)
            nn.init.normal_(self.token.weight, std=width**-0.5)
        self._table = (lent if lent is not None else self.token,)   # in a tuple, a borrowed module stays out of the state dict
        match s.position:
            case Learned(length=length, offset=offset):
                self.position = nn.Embedding(length + offset, dim)
                nn.init.normal_(self.position.weight, std=dim**-0.5)
            case Sinusoid():
                self.register_buffer("waves", self._waves(), persistent=False)
        self.project = Linear(width, dim, bias=False) if s.input.width else nn.Identity()
        self.segment = nn.Embedding(s.input.segments, dim) if s.input.segments else None
        if self.segment is not None:
            nn.init.normal_(self.segment.weight, std=dim**-0.5)
        self.norm = norm(s.norm, dim) if s.norm_input else nn.Identity()

    def _waves(self) -> Tensor:
        s, dim = self.spec.position, self.dim
        if not isinstance(s, Sinusoid):
            return torch.empty(0)
        if torch.get_default_device().type == "meta":                # see unfilled: not even computed there
            return torch.empty(s.length, dim)
        return ops.sinusoid(s.offset + s.length, dim, halves=s.halves, shifted=s.shifted)[s.offset :]

    def fill_waves(self) -> None:
        """Compute the fixed waves anew: a model made on the meta device holds none."""
        if isinstance(self.spec.position, Sinusoid):
            self.waves = self._waves()

    @property
    def table(self) -> nn.Embedding:
        """The table of token vectors, owned or borrowed."""
        return self._table[0]

    def forward(
        self, tokens: Int[Tensor, "b n"], at: Int[Tensor, "_ n"], slots: int, segments: Int[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n m"]:
        """Tokens at positions `at` -> vectors; `slots`: how many there are so far; `segments`: 0 everywhere where none are given.

        Raises InputError beyond the model's positions; only where there are more slots than those does it cost a look at the numbers.
        """
        length = self.spec.room
        if length is not None and slots > length:
            self.check(int(at.max()) + 1)                    # padding takes slots, not positions
        x = self.table(tokens)
        x = self.project(x if self.scale == 1.0 else x * self.scale)
        if self.segment is not None:
            x = x + (self.segment.weight[0] if segments is None else self.segment(segments))
        match self.spec.position:
            case Learned(offset=offset):
                x = x + self.position(at + offset if offset else at)
            case Sinusoid():
                x = x + F.embedding(at, self.waves)
        return ops.dropout(self.norm(x), self.spec.dropout, self.training)

    def check(self, tokens: int) -> None:
        """Whether there are positions for so many tokens. Raises InputError where there are not."""
        if self.spec.room is not None and tokens > self.spec.room:
            raise InputError(
                f"the input has {tokens} tokens, the model has positions for {self.spec.room}.",
                "Split it at sentence ends, or use a model with more positions.",
            )
