"""Heads: what is read off the last hidden states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..spec import Activation, Boxes, Classes, Labels, Meeting, Norm, Words
from ..spec import Head as HeadSpec
from .embed import Embed
from .norms import ACTIVATIONS, norm
from .packed import Kind, Linear, Packed


@dataclass(frozen=True, eq=False)
class Factors:
    """Logits that are not multiplied out: they are hidden weight^T + bias."""

    hidden: Float[Tensor, "*n m"]
    weight: Float[Tensor, "v m"]
    bias: Float[Tensor, " v"] | None


class WordHead(nn.Module):
    """Hidden states -> logits over the vocabulary; the table of embeddings is borrowed where tied (Press and Wolf 2017)."""

    def __init__(self, s: Words, table: nn.Embedding, normed: Norm):
        super().__init__()
        self.spec = s
        self._table = (table,)                               # in a tuple, a borrowed module stays out of the state dict
        vocab, width = table.weight.shape
        self.mix = Linear(width, width) if s.mix else None
        self.norm = norm(normed, width) if s.mix else nn.Identity()
        self.out = None if s.tied else Linear(width, vocab, s.bias)
        self.bias = nn.Parameter(table.weight.new_zeros(vocab)) if s.tied and s.bias else None
        self.packed: Packed | None = None

    def pack(self, kind: Kind) -> None:
        """See nn.packed.Packs."""
        if self.out is None:
            self.packed = Packed([((self._table[0], "weight"), None if self.bias is None else (self, "bias"))], kind)

    def forward(self, hidden: Float[Tensor, "*n m"]) -> Float[Tensor, "*n v"]:
        """(... m) -> (... v)."""
        hidden = self._ready(hidden)
        if self.out is not None:
            return self.out(hidden)
        if self.packed is not None and self.packed.serves(hidden):
            return self.packed(hidden)
        return F.linear(hidden, self._table[0].weight, self.bias)

    def factors(self, hidden: Float[Tensor, "*n m"]) -> Factors:
        """What `forward` multiplies."""
        weight, bias = (self._table[0].weight, self.bias) if self.out is None else (self.out.weight, self.out.bias)
        return Factors(self._ready(hidden), weight, bias)

    def _ready(self, hidden: Tensor) -> Tensor:
        if self.mix is not None and self.spec.mix is not None:
            hidden = self.norm(ACTIVATIONS[self.spec.mix](self.mix(hidden)))
        return hidden * self.spec.scale if self.spec.scale != 1.0 else hidden


class LabelHead(nn.Module):
    """Vectors -> scores of a few labels, at each place or for the one vector that stands for a text."""

    def __init__(self, labels: int, width: int, *, bias: bool, mix: Activation | None = None):
        super().__init__()
        self.mix = Linear(width, width) if mix else None
        self.act = ACTIVATIONS[mix] if mix else None
        self.out = Linear(width, labels, bias)

    def forward(self, hidden: Float[Tensor, "*n m"]) -> Float[Tensor, "*n c"]:
        """(... m) -> (... c)."""
        if self.mix is not None and self.act is not None:
            hidden = self.act(self.mix(hidden))
        return self.out(hidden)


class DeepHead(nn.Module):
    """Vectors -> a few numbers each, through several maps with relu between."""

    def __init__(self, numbers: int, width: int, *, depth: int, bias: bool = True):
        super().__init__()
        self.maps = nn.ModuleList(Linear(width, width) for _ in range(depth - 1))
        self.out = Linear(width, numbers, bias)

    def forward(self, hidden: Float[Tensor, "*n m"]) -> Float[Tensor, "*n c"]:
        """(... m) -> (... c)."""
        for each in self.maps:
            hidden = F.relu(each(hidden))
        return self.out(hidden)


class BoxHead(DeepHead):
    """Vectors -> boxes: centre, width and height, in shares of the picture's; see spec.Boxes."""

    def __init__(self, s: Boxes, width: int):
        super().__init__(4, width, depth=s.depth)

    def forward(self, hidden: Float[Tensor, "*n m"], near: Float[Tensor, "*#n 2"] | None = None) -> Float[Tensor, "*n 4"]:
        """(... m) -> (... 4); `near`: where the place of each stands, which its centre is counted from."""
        out = super().forward(hidden)
        if near is not None:
            out = out + F.pad(near.to(out.dtype).logit(), (0, 2))
        return out.sigmoid()


class FusedHead(nn.Module):
    """Vectors of several places -> the mean of what a map of each says of them."""

    def __init__(self, labels: int, width: int, places: int, *, bias: bool):
        super().__init__()
        self.outs = nn.ModuleList(Linear(width, labels, bias) for _ in range(places))

    def forward(self, hidden: Float[Tensor, "*n p m"]) -> Float[Tensor, "*n c"]:
        """(... p m) -> (... c)."""
        return torch.stack([out(each) for out, each in zip(self.outs, hidden.unbind(-2), strict=True)]).mean(0)


class MeetingHead(nn.Module):
    """Texts and pictures -> vectors in one space, and how near they lie (Radford et al. 2021, figure 3)."""

    def __init__(self, s: Meeting, text: int, picture: int):
        super().__init__()
        self.spec = s
        self.text, self.picture = Linear(text, s.dim, bias=False), Linear(picture, s.dim, bias=False)
        self.scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def of_text(
        self, hidden: Float[Tensor, "b n m"], tokens: Int[Tensor, "b n"], keep: Bool[Tensor, "b n"] | None
    ) -> Float[Tensor, "b d"]:
        """(b n m) -> (b d), read at the end token of each row."""
        seen = tokens if keep is None else tokens.masked_fill(~keep, -1)
        at = (seen == (seen.amax(1, keepdim=True) if self.spec.end is None else self.spec.end)).long().argmax(1)
        return self.text(hidden[torch.arange(len(hidden), device=hidden.device), at])

    def of_pictures(self, hidden: Float[Tensor, "b n m"]) -> Float[Tensor, "b d"]:
        """(b n m) -> (b d), read at the first place."""
        return self.picture(hidden[:, 0])

    def forward(self, pictures: Float[Tensor, "p d"], texts: Float[Tensor, "t d"]) -> Float[Tensor, "p t"]:
        """Vectors of any length -> scores of each text for each picture."""
        return self.scale.exp() * F.normalize(pictures, dim=-1) @ F.normalize(texts, dim=-1).mT


def build(s: HeadSpec, embed: Embed, normed: Norm, *, seen: int = 0) -> nn.Module:
    """The head of the spec, over hidden states as wide as what `embed` looks tokens up in, or else as its vectors; `seen`: as wide as the
    vectors of pictures are, of a model that reads them beside texts."""
    width = embed.width
    match s:
        case Words():
            return WordHead(s, embed.table, normed)
        case Classes(labels=labels, bias=bias, places=places) if places > 1:
            return FusedHead(len(labels), width, places, bias=bias)
        case Classes(labels=labels, mix=mix, bias=bias):
            return LabelHead(len(labels), width, bias=bias, mix=mix)
        case Labels(labels=labels, bias=bias, depth=depth):
            return DeepHead(len(labels), width, depth=depth, bias=bias)
        case Boxes():
            return BoxHead(s, width)
        case Meeting():
            return MeetingHead(s, embed.dim, seen)


def pool(hidden: Float[Tensor, "b n m"], keep: Bool[Tensor, "b n"] | None, at: Literal["first", "last", "mean"]) -> Float[Tensor, "b m"]:
    """One vector a row: of its first real place, its last, or the mean of all; padding may be on either side."""
    if keep is None:
        keep = hidden.new_ones(hidden.shape[:2], dtype=torch.bool)
    if at == "mean":
        share = keep.to(hidden.dtype)[:, :, None]
        return (hidden * share).sum(1) / share.sum(1).clamp(min=1)    # of nothing but padding: zeros
    return hidden[torch.arange(len(hidden), device=hidden.device), end_of(keep, at)]


def firsts(hidden: Float[Tensor, "b n m"], keep: Bool[Tensor, "b n"] | None, places: int) -> Float[Tensor, "b p m"]:
    """The vectors of so many places from each row's first real one on."""
    if keep is None:
        return hidden[:, :places]
    at = end_of(keep, "first")[:, None] + torch.arange(places, device=hidden.device)
    return hidden[torch.arange(len(hidden), device=hidden.device)[:, None], at]


def end_of(keep: Bool[Tensor, "b n"], at: Literal["first", "last"]) -> Int[Tensor, " b"]:
    """The first or the last real place of each row; padding may be on either side."""
    count = keep.cumsum(1)                                            # 1 on the first real place, most on the last
    return (keep & (count == (1 if at == "first" else count[:, -1:]))).long().argmax(1)
