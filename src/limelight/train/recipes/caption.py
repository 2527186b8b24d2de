"""The recipe of a model that says what is on a picture."""

from __future__ import annotations

from typing import Literal

from ...spec import Attention, FeedForward, Learned, Model, Stack, Tokens, Words
from ...values import value
from ..plan import Count, Factor
from .base import Recipe, SizedPart
from .shown import ShownPart, SquaresPart


@value
class CaptionPart:
    """The size of the model; what each field means is said at `limelight.spec`. `length`: of a caption, in tokens; `forget`: the share of
    the words before that the decoder does not read while it learns: see train.Forgetting. `begin`: a model, by its name or folder, whose
    encoder of pictures this one's begins as."""

    dim: Count = 128
    squares: SquaresPart = SquaresPart()
    depth: Count = 2
    heads: Count = 4
    hidden: Count = 512
    length: Count = 48
    dropout: Factor = 0.05
    forget: Factor = 0.0
    begin: str | None = None


@value
class SaidPart:
    """How captions are written: see manifest.Generation."""

    beam: Count = 1
    max_length: Count = 40


@value
class CaptionRecipe(Recipe):
    """An encoder of pictures and a decoder of text, from pictures with texts."""

    task: Literal["caption"] = "caption"
    data: ShownPart
    model: CaptionPart = CaptionPart()
    batches: SizedPart = SizedPart()
    eval: SaidPart = SaidPart()

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe."""
        m, attention = self.model, Attention(heads=self.model.heads)
        decoder = Stack(
            depth=m.depth,
            attention=attention,
            ff=FeedForward(hidden=m.hidden, activation="gelu", dropout=m.dropout),
            causal=True,
            cross=attention,
            input=Tokens(vocab=vocab or self.tokenizer.vocab),
            position=Learned(length=m.length),
            dropout=m.dropout,
        )
        encoder = m.squares.stack(self.data.side, dropout=m.dropout)
        return Model(family="transformer", dim=m.dim, encoder=encoder, decoder=decoder, heads=(Words(tied=True),))
