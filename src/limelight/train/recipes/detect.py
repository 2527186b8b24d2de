"""The recipe of a model that finds objects in pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...data.boxes import Changes
from ...data.scenes import SHAPES
from ...spec import NOTHING, OBJECTS, Attention, Boxes, FeedForward, Grid, Labels, Learned, Model, Patches, Stack
from ...spec import Features as FeaturesSpec
from ...values import value
from ..plan import Count, Factor
from ..set_loss import Weighing
from .base import Recipe, SizedPart
from .shown import ScenesPart


@value
class AlbumPart:
    """Pictures with boxes, in a folder as VOC or COCO lay it out: see data.boxes. `path`: see `find_data`; `train`, `valid`, `test`: the
    names of its own parts; `labels`: of all of them. `rows`, `columns`: pixels that pictures are resized to; `changes`: what is done to
    them in training."""

    kind: Literal["album"] = "album"
    path: str
    train: str = "train"
    valid: str = "val"
    test: str = "test"
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    rows: Count = 240
    columns: Count = 320
    changes: Changes = Changes()


@value
class SquaresPart:
    """The picture is read in squares of `square` pixels, each of which is mapped to a vector."""

    kind: Literal["squares"] = "squares"
    square: Count = 8


@value
class FeaturesPart:
    """The picture is read by a residual network; what each field means is said at `limelight.spec`."""

    kind: Literal["features"] = "features"
    stem: Count = 32
    widths: tuple[Count, ...] = (32, 64, 128)
    depths: tuple[Count, ...] = (1, 1, 1)


@value
class DetectorPart:
    """The size of the encoder, each of whose places finds an object or nothing; what each field means is said at `limelight.spec`."""

    reads: Annotated[SquaresPart | FeaturesPart, Field(discriminator="kind")] = SquaresPart()
    dim: Count = 128
    depth: Count = 4
    heads: Count = 4
    hidden: Count = 384
    dropout: Factor = 0.0


@value
class FoundPart:
    """How objects are found, unless a user says otherwise: see manifest.Finding."""

    overlap: Annotated[float, Field(ge=0, le=1)] = 1.0


@value
class DetectRecipe(Recipe):
    """An encoder of pictures that finds a set of objects, from pictures with boxes."""

    task: Literal["detect"] = "detect"
    data: Annotated[ScenesPart | AlbumPart, Field(discriminator="kind")]
    model: DetectorPart = DetectorPart()
    weighing: Weighing = Weighing()
    batches: SizedPart = SizedPart()
    eval: FoundPart = FoundPart()

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a picture, as the model reads it."""
        return (self.data.side, self.data.side) if isinstance(self.data, ScenesPart) else (self.data.rows, self.data.columns)

    @property
    def labels(self) -> tuple[str, ...]:
        """What it tells apart."""
        return SHAPES if isinstance(self.data, ScenesPart) else self.data.labels

    def spec(self, vocab: int | None = None) -> Model:
        """See Recipe."""
        del vocab
        m, (rows, columns) = self.model, self.size
        body = {
            "depth": m.depth,
            "attention": Attention(heads=m.heads),
            "ff": FeedForward(hidden=m.hidden, activation="gelu", dropout=m.dropout),
            "dropout": m.dropout,
        }
        if isinstance(m.reads, SquaresPart):
            squares = Patches(rows=rows, columns=columns, size=m.reads.square, before=0)
            encoder = Stack(**body, input=squares, position=Learned(length=squares.slots))
        else:
            features = FeaturesSpec(stem=m.reads.stem, widths=m.reads.widths, depths=m.reads.depths, block="basic")
            encoder = Stack(**body, input=features, position=Grid(), again=True)
        heads = (Labels(name=OBJECTS, labels=(*self.labels, NOTHING)), Boxes(near=True))
        return Model(family="transformer", dim=m.dim, encoder=encoder, heads=heads)
