"""How large a model is, and what of its mechanism is chosen otherwise."""

from __future__ import annotations

from typing import Literal

from ...values import value
from ..attention import Share
from ..positions import Alibi, Buckets, Count, Learned, Position, Rotary, Sinusoid

PositionName = Literal["sinusoid", "learned", "rotary", "alibi", "buckets", "none"]


@value
class Frame:
    """Sizes of a model of any mechanism, and choices, which are the mechanism's own where they are None.

    Sizes that a mechanism has no use for change nothing: a recurrent net has no `heads`, `hidden`, `length` or `norm_at`. Choices that it
    cannot follow are refused. `hidden`: of the feed-forward layers; `length`: positions that there are.
    `kv_heads`: heads of keys and values. `window`: self-attention sees keys fewer than this many slots away. `scaled`: dot products are
    divided by sqrt(head width). `cell`, `bidirectional`: of a recurrent net, and whether its encoder reads both ways. `feeding`: what was
    made of a step goes into the next one. `width`: how many tokens local attention sees on either side.
    """

    dim: Count = 256
    heads: Count = 4
    encoder_depth: Count = 4
    decoder_depth: Count = 4
    hidden: Count = 1024
    length: Count = 512
    dropout: Share = 0.1
    norm_at: Literal["pre", "post"] = "pre"
    position: PositionName | None = None
    kv_heads: Count | None = None
    window: Count | None = None
    scaled: bool | None = None
    cell: Literal["lstm", "gru"] | None = None
    bidirectional: bool | None = None
    feeding: bool | None = None
    width: Count | None = None


CHOICES = ("position", "kv_heads", "window", "scaled", "cell", "bidirectional", "feeding", "width")


@value
class Sizes(Frame):
    """A frame, and how many tokens there are to read and write."""

    vocab: Count = 8000


def position(name: PositionName, length: int) -> Position | None:
    """Positions by name, as the Transformers of the table have them."""
    match name:
        case "sinusoid":
            return Sinusoid(length=length, halves=True, shifted=True)
        case "learned":
            return Learned(length=length)
        case "rotary":
            return Rotary()
        case "alibi":
            return Alibi()
        case "buckets":
            return Buckets()
        case "none":
            return None
