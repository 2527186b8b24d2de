"""The recipe of a model that draws: a codec that learns first, and a Transformer that reads a text and writes the codec's codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from ...errors import SpecError
from ...spec import Codec, DiscreteVAE, Model, Quantised, drawing_decoder
from ...values import value
from ..plan import Count, Factor, Plan, Positive, Weight
from .base import Recipe, SizedPart
from .shown import ShownPart


@value
class CodecPart:
    """What codecs have in common; what each field means is said at `limelight.spec`. `batches`, `plan`: how it learns, ahead of the
    Transformer; always in fp32, since small differences tell codes apart."""

    count: Count = 512
    width: Count = 32
    stages: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 2, 2)
    blocks: Count = 1
    batches: SizedPart = SizedPart()
    plan: Plan

    def __post_init__(self) -> None:
        if self.plan.precision == "bf16":
            raise SpecError('a codec learns in fp32: got codec.plan.precision="bf16".', "Leave it out.")

    @property
    def course(self) -> Plan:
        """How it really learns."""
        return replace(self.plan, precision="fp32")


@value
class QuantisedPart(CodecPart):
    """A table of vectors, each place's replaced by the nearest: VQGAN's, without its critics."""

    kind: Literal["quantised"] = "quantised"
    dim: Count = 32
    groups: Count = 8
    commitment: Positive = 0.25

    def spec(self, side: int) -> Codec:
        """For pictures of `side` x `side` pixels."""
        return Quantised(
            count=self.count, rows=side, columns=side, width=self.width, stages=self.stages, blocks=self.blocks, dim=self.dim,
            groups=self.groups, commitment=self.commitment,
        )  # fmt: skip


@value
class DiscretePart(CodecPart):
    """Codes that are drawn, each by chances of its own: DALL-E's. `far`: how much it counts how far these are from equal ones."""

    kind: Literal["discrete_vae"] = "discrete_vae"
    narrow: Count = 64
    far: Weight = 1.0

    def spec(self, side: int) -> Codec:
        """For pictures of `side` x `side` pixels."""
        return DiscreteVAE(
            count=self.count, rows=side, columns=side, width=self.width, stages=self.stages, blocks=self.blocks, narrow=self.narrow
        )


@value
class DrawerPart:
    """The size of the Transformer; what each field means is said at `spec.drawing_decoder`. `text`: positions ahead of the codes, the last
    of which starts the picture."""

    dim: Count = 128
    depth: Count = 6
    heads: Count = 4
    text: Annotated[int, Field(ge=2)] = 48
    dropout: Factor = 0.0


@value
class DrawnPart:
    """How the model draws unless told otherwise (see manifest.Drawing), and who judges it. `judge`: a captioner, bundled or a folder beside
    the recipe, that tells which of the held-out texts a drawing is of; "" for none. Scenes are judged by rule."""

    guidance: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    top_k: Count | None = None
    judge: str = ""


@value
class DrawRecipe(Recipe):
    """A codec and a decoder that reads a text ahead of its codes, from pictures with texts. `blank`: of this share of pictures the text is
    left out, so that the model knows what guidance leads away from (Ho and Salimans 2022, section 3.2). `forgetting`: of each picture up to
    this share of the codes before is not read while the model learns, so that it draws by the text: see train.drawn_loss."""

    task: Literal["draw"] = "draw"
    data: ShownPart
    codec: Annotated[QuantisedPart | DiscretePart, Field(discriminator="kind")]
    model: DrawerPart = DrawerPart()
    blank: Factor = 0.1
    forgetting: Factor = 0.0
    batches: SizedPart = SizedPart()
    eval: DrawnPart = DrawnPart()

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe."""
        m, words = self.model, vocab or self.tokenizer.vocab
        return drawing_decoder(
            words=words, text=m.text, codec=self.codec.spec(self.data.side), dim=m.dim, heads=m.heads, depth=m.depth, dropout=m.dropout
        )

    def rehearsed(self, steps: int, longest: int) -> DrawRecipe:
        """See Recipe: few and small ones of both."""
        c = self.codec
        codec = replace(c, plan=c.plan.rehearsed(steps), batches=c.batches.rehearsed(longest))
        plan, batches = self.plan.rehearsed(steps), self.batches.rehearsed(longest)
        return replace(self, codec=codec, plan=plan, batches=batches)
