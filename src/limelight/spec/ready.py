"""Ready-made specs."""

from __future__ import annotations

from typing import Literal

from .attention import Attention, Norm
from .codecs import Codec
from .heads import Words
from .inputs import Tokens
from .model import Model
from .patterns import alternating
from .positions import Captioned, Rotary, Sinusoid
from .stack import FeedForward, Stack


def encoder_decoder(
    *,
    vocab: int,
    dim: int,
    heads: int,
    encoder_depth: int,
    decoder_depth: int,
    hidden: int | None = None,
    length: int = 512,
    dropout: float = 0.0,
    norm_at: Literal["pre", "post"] = "pre",
) -> Model:
    """The Transformer of Vaswani et al. 2017 with one vocabulary on both sides, and by default the norm moved before each branch
    (Xiong et al. 2020), which trains without a delicate warm-up. `dropout` is for the branches, the bend of the feed-forward and the
    embeddings; attention weights are left whole."""
    attention = Attention(heads=heads)
    encoder = Stack(
        depth=encoder_depth,
        attention=attention,
        ff=FeedForward(hidden=hidden or 4 * dim, activation="relu", dropout=dropout),
        input=Tokens(vocab=vocab, scaled=True),
        position=Sinusoid(length=length, halves=True, shifted=True),
        norm_at=norm_at,
        norm_output=norm_at == "pre",
        dropout=dropout,
    )
    decoder = Stack(**{**_fields(encoder), "depth": decoder_depth, "causal": True, "cross": attention})
    return Model(family="transformer", dim=dim, encoder=encoder, decoder=decoder, heads=(Words(),))


def decoder_only(
    *, vocab: int, dim: int, heads: int, depth: int, hidden: int | None = None, length: int = 512, dropout: float = 0.0
) -> Model:
    """A causal language model (Radford et al. 2018) in the form that Touvron et al. 2023 gave it: rotary positions, root-mean-square
    norms before each branch, a gated feed-forward, no biases; the table of embeddings serves as the output matrix. `length`: positions;
    `hidden` is by default about 8/3 of `dim`, so that three matrices cost what two of four times the width do; `dropout` as above."""
    decoder = Stack(
        depth=depth,
        attention=Attention(heads=heads, bias=""),
        ff=FeedForward(hidden=hidden or 8 * -(-dim // 3), activation="silu", gated=True, bias=False, dropout=dropout),
        norm=Norm(kind="rms"),
        input=Tokens(vocab=vocab, scaled=True),
        position=Rotary(length=length),
        causal=True,
        dropout=dropout,
    )
    return Model(family="transformer", dim=dim, decoder=decoder, heads=(Words(),))


def drawing_decoder(*, words: int, text: int, codec: Codec, dim: int, heads: int, depth: int, dropout: float = 0.0) -> Model:
    """A decoder that reads a text and draws behind it (Ramesh et al. 2021, section 2.2 and appendix B.1): one table of `words`, of a token
    for each of `text` positions that is empty, of one that starts a picture, and of the codec's codes, in that order; patterns along rows,
    down columns, and in the last layer around each place."""
    (rows, columns), size = codec.grid, min(11, 2 * codec.grid[1] - 1)
    decoder = Stack(
        depth=depth,
        attention=Attention(heads=heads, dropout=dropout),
        ff=FeedForward(hidden=4 * dim, dropout=dropout),
        input=Tokens(vocab=words + text + 1 + codec.count),
        position=Captioned(text=text, rows=rows, columns=columns),
        causal=True,
        patterns=alternating(depth, size=size),
        dropout=dropout,
    )
    return Model(family="dalle", dim=dim, decoder=decoder, heads=(Words(tied=False),))


def _fields(stack: Stack) -> dict[str, object]:
    return {name: getattr(stack, name) for name in Stack.__dataclass_fields__}
