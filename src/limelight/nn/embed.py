"""From what a column reads to vectors that know where they stand."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import ops
from ..errors import InputError, TaskError
from ..spec import Captioned, Features, Frames, Grid, Learned, Patches, Recurrent, Sinusoid, Slots, Tokens
from ..spec import Stack as StackSpec
from .features import FeatureMaps
from .norms import norm
from .packed import Linear
from .raw import FrameMaps, PatchMap, stretched


class Embed(nn.Module):
    """Vectors of tokens, of squares of a picture, of frames of sound, or none of their own, plus position vectors.

    `lent`: another stack's table, borrowed as a module and not owned.
    """

    def __init__(self, s: StackSpec | Recurrent, dim: int, lent: nn.Embedding | None = None):
        super().__init__()
        self.waves: Tensor
        self.spec, self.dim, self.scale = s, dim, 1.0
        self._table: tuple[nn.Embedding, ...] = ()
        self.project: nn.Module = nn.Identity()
        self.segment: nn.Embedding | None = None
        match s.input:
            case Tokens():
                self._tokens(s.input, dim, lent)
            case Patches():
                self.patches = PatchMap(s.input, dim)
            case Frames():
                self.frames = FrameMaps(s.input, dim)
            case Features():
                self.features = FeatureMaps(s.input, dim)
        match s.position:
            case Learned(length=length, offset=offset):
                self.position = _table(length + offset, dim)
                if isinstance(s, StackSpec) and s.between:
                    self.between = nn.Parameter(torch.randn(s.depth - 1, 1, length, dim) * dim**-0.5)
            case Captioned():
                self.position, self.row, self.column = (_table(n, dim) for n in (s.position.text, s.position.rows, s.position.columns))
            case Sinusoid():
                self.register_buffer("waves", self._waves(), persistent=False)
        self.norm = norm(s.norm, dim) if s.norm_input else nn.Identity()

    def _tokens(self, s: Tokens, dim: int, lent: nn.Embedding | None) -> None:
        self.scale = dim**0.5 if s.scaled else 1.0
        width = s.width or dim
        if lent is None:
            self.token = nn.Embedding(s.vocab, width)
            nn.init.normal_(self.token.weight, std=width**-0.5)
        self._table = (lent if lent is not None else self.token,)    # in a tuple, a borrowed module stays out of the state dict
        self.project = Linear(width, dim, bias=False) if s.width else nn.Identity()
        self.segment = nn.Embedding(s.segments, dim) if s.segments else None
        if self.segment is not None:
            nn.init.normal_(self.segment.weight, std=dim**-0.5)

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
        """The table of token vectors, owned or borrowed. Raises TaskError for a column that reads no tokens."""
        if not self._table:
            raise TaskError(f"a column that reads {self.spec.input.kind} has no table of tokens.", "Ask one that reads text.")
        return self._table[0]

    @property
    def width(self) -> int:
        """Of a token's vector, or where there are none of what is made of the input."""
        return self._table[0].embedding_dim if self._table else self.dim

    @property
    def like(self) -> Tensor:
        """A number of it, to make others like: of its kind, and where it is."""
        return next(iter(self._table[0].parameters() if self._table else self.parameters()))

    def vectors(self, values: Tensor, segments: Int[Tensor, "b n"] | None = None) -> Float[Tensor, "b n m"]:
        """What is read, without positions: tokens (b n); a picture (b c h w); frames of sound (b f n). Slots take the number of their rows
        from `values`."""
        match self.spec.input:
            case Patches():
                return self.patches(values)
            case Frames():
                return self.frames(values)
            case Features():
                return self.features(values)
            case Slots(count=count):
                return self.like.new_zeros(len(values), count, self.dim)
        x = self.table(values)
        x = self.project(x if self.scale == 1.0 else x * self.scale)
        return x if self.segment is None else x + (self.segment.weight[0] if segments is None else self.segment(segments))

    def slots(self, values: Tensor) -> int:
        """How many vectors are made of each row."""
        match self.spec.input:
            case Tokens():
                return values.shape[1]
            case Frames():
                return -(-values.shape[-1] // 2)
            case Patches():
                return self.spec.input.places(*values.shape[-2:])
            case Features():
                rows, columns = self.spec.input.grid(*values.shape[-2:])
                return rows * columns
            case Slots():
                return self.spec.input.slots

    def kept(self, values: Tensor, keep: Bool[Tensor, "b *n"] | None) -> Bool[Tensor, "b n"] | None:
        """Which of the vectors stand for something, where `keep` says which tokens, or which pixels (b r c), do: a place of a grid of
        features does where the pixel at its first corner does. Raises InputError for pixels of a model without such a grid."""
        if keep is None or keep.ndim == 2:
            return keep
        if not isinstance(self.spec.input, Features):
            raise InputError("pictures of one batch are of one size for this model: got padding around some.", "Read them one by one.")
        size = self.spec.input.grid(*values.shape[-2:])
        return F.interpolate(keep[:, None].float(), size).bool().flatten(1)               # nearest, as published models have it

    def places(
        self, values: Tensor, at: Int[Tensor, "_ n"], keep: Bool[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "_ n m"] | None:
        """The vectors of where each vector of what is read stands; `keep`: as `kept` gives it."""
        match self.spec.position, self.spec.input:
            case Grid(temperature=temperature, scale=scale), Features() as s:
                size = s.grid(*values.shape[-2:])
                real = torch.ones(1, *size, dtype=torch.bool, device=values.device) if keep is None else keep.unflatten(1, size)
                return ops.grid(real, self.dim, temperature=temperature, scale=scale).to(self.like.dtype)
            case Learned(offset=offset), Patches() as s if values.shape[-2:] != (s.rows, s.columns):
                return stretched(self.position.weight[None, offset:], s, *values.shape[-2:])[0][None]
        return self.at(at)

    def later(self, values: Tensor) -> Float[Tensor, "l 1 n m"] | None:
        """What is added to the stream ahead of each layer but the first; None for a column that adds nothing."""
        if not (isinstance(self.spec, StackSpec) and self.spec.between):
            return None
        s = self.spec.input
        if isinstance(s, Patches) and values.shape[-2:] != (s.rows, s.columns):
            return stretched(self.between[:, 0], s, *values.shape[-2:])[:, None]
        return self.between[:, :, : self.slots(values)]

    def at(self, at: Int[Tensor, "_ n"]) -> Float[Tensor, "_ n m"] | None:
        """The vectors of positions; None for a column that has none."""
        match self.spec.position:
            case Learned(offset=offset):
                return self.position(at + offset if offset else at)
            case Sinusoid():
                return F.embedding(at, self.waves)
            case Captioned(text=text, columns=columns):
                said, place = self.position(at.clamp(max=text - 1)), (at - text).clamp(min=0)
                return torch.where((at < text)[..., None], said, self.row(place // columns) + self.column(place % columns))
        return None

    def forward(
        self, values: Tensor, at: Int[Tensor, "_ n"], slots: int, segments: Int[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n m"]:
        """What is read at positions `at` -> vectors; `slots`: how many there are so far; `segments`: 0 everywhere where none are given.

        Raises InputError beyond the model's positions; only where there are more slots than those does it cost a look at the numbers.
        """
        length = self.spec.room
        if length is not None and slots > length and not isinstance(self.spec.input, Patches):
            self.check(int(at.max()) + 1)                    # padding takes slots, not positions
        x = self.vectors(values, segments)
        if not (isinstance(self.spec, StackSpec) and self.spec.again) and (place := self.places(values, at)) is not None:
            x = x + place
        return ops.dropout(self.norm(x), self.spec.dropout, self.training)

    def check(self, tokens: int) -> None:
        """Whether there are positions for so many tokens. Raises InputError where there are not."""
        if self.spec.room is not None and tokens > self.spec.room:
            raise InputError(
                f"the input has {tokens} tokens, the model has positions for {self.spec.room}.",
                "Split it at sentence ends, or use a model with more positions.",
            )


def _table(count: int, dim: int) -> nn.Embedding:
    made = nn.Embedding(count, dim)
    nn.init.normal_(made.weight, std=dim**-0.5)
    return made
