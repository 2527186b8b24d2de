"""The recipe of a model that tells classes of texts apart."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...errors import SpecError
from ...spec import Attention, Classes, FeedForward, Model, Norm, Position, Sinusoid, Stack, Tokens
from ...values import value
from ..plan import Count, Factor, Natural, Positive, Share
from .base import BatchPart, Recipe, TokenizerPart


@value
class SetPart:
    """A set of texts with labels. `path`: see `find_data`; `form`: how they are kept in it, see `data.reviews`.

    `test`, `valid`: texts set aside. `rate`: how often a text is read in an epoch, 2.5 for twice and once more in every second one; where
    the set is `even`, its labels are read equally often, rare ones more and common ones less. `glimpse`: the share of a text's readings
    in which only a few of its tokens in a row are read. `also`: what other labels of the set count as in training, {neutral =
    "negative"}; no such text is held out.
    """

    name: str
    path: str
    form: Literal["marked lines", "starred rows", "pros and cons", "aspects", "two folders", "labelled rows"]
    test: Natural = 0
    valid: Natural = 0
    rate: Positive = 1.0
    even: bool = True
    glimpse: Share = 0.0
    also: dict[str, str] = Field(default_factory=dict)


@value
class SetsPart:
    """The sets to learn from; texts with other labels than `labels` are left out. `seed`: by which held-out texts are drawn."""

    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    sets: Annotated[tuple[SetPart, ...], Field(min_length=1)]
    seed: Natural = 0

    def __post_init__(self) -> None:
        for what, names in (("labels", self.labels), ("sets", tuple(each.name for each in self.sets))):
            if len(set(names)) < len(names):
                raise SpecError(f"data: two {what} have one name: {', '.join(names)[:80]}.", "Name each differently.")
        for each in self.sets:
            if odd := set(each.also.values()) - set(self.labels):
                known = f"Known: {', '.join(self.labels)}."
                raise SpecError(f"data: the set {each.name} has texts that also count as {min(odd)!r}, which is no label.", known)


@value
class EncoderPart:
    """The size of the Transformer encoder; what each field means is said at `limelight.spec`. `position`: None for sinusoids; `at`: what a
    class is read off."""

    dim: Count = 128
    heads: Count = 4
    depth: Count = 2
    hidden: Count = 256
    dropout: Factor = 0.1
    position: Position | None = None
    at: Literal["first", "last", "mean"] = "mean"


@value
class TextBatchPart(BatchPart):
    """A text longer than `max_length` is read in windows, in training as in use. `leave_out`: the share of its tokens that a text is
    read without, drawn anew each time."""

    leave_out: Factor = 0.0


@value
class TextPiecesPart(TokenizerPart):
    """`lower`: capitals are read as small letters."""

    lower: bool = True


@value
class ClassifyRecipe(Recipe):
    """An encoder from labelled texts."""

    task: Literal["classify"] = "classify"
    tokenizer: TextPiecesPart = TextPiecesPart()
    data: SetsPart
    model: EncoderPart = EncoderPart()
    batches: TextBatchPart = TextBatchPart()

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe."""
        m = self.model
        encoder = Stack(
            depth=m.depth,
            attention=Attention(heads=m.heads),
            ff=FeedForward(hidden=m.hidden, dropout=m.dropout),
            norm=Norm(),
            input=Tokens(vocab=vocab or self.tokenizer.vocab, scaled=True),
            position=m.position or Sinusoid(length=self.batches.max_length, halves=True),
            dropout=m.dropout,
        )
        return Model(family="transformer", dim=m.dim, encoder=encoder, heads=(Classes(labels=self.data.labels, at=m.at),))
