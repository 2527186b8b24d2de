"""Drawn: pictures of a text, one for each seed."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from ..result import Cells, Result

if TYPE_CHECKING:
    from ...hub import Opened


@dataclass(frozen=True)
class Patches:
    """Which words stand behind each patch of a picture. `weights`: word -> rows of patches, each the share of its attention to words that
    goes to this one, the mean of all heads and layers; `lost`: by how much less likely each patch's code is without the word, in nats.
    `trust`: how far both put words and patches in one order (Spearman's rank correlation: 1 the same, 0 none at all); None where there
    are too few to tell."""

    words: tuple[str, ...]
    weights: tuple[tuple[tuple[float, ...], ...], ...]
    lost: tuple[tuple[tuple[float, ...], ...], ...]
    trust: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        grids = {"weights": self.weights, "lost": self.lost}
        told = {name: [[[round(each, 6) for each in row] for row in grid] for grid in grids[name]] for name in grids}
        return {"words": list(self.words), **told, "trust": None if self.trust is None else round(self.trust, 4)}


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture. `codes`: what it was drawn from, row by row; `logprob`: of all of them, as they were drawn. `score`: how well it fits
    the text, see `Drawn.ranked`; None where nobody asked."""

    seed: int
    image: Image.Image
    codes: tuple[int, ...]
    logprob: float
    patches: Patches | None = None
    score: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, without the picture itself."""
        told: dict[str, Any] = {"seed": self.seed, "logprob": round(self.logprob, 4), "codes": list(self.codes)}
        if self.score is not None:
            told["score"] = round(self.score, 4)
        return told if self.patches is None else {**told, "patches": self.patches.to_json()}


@dataclass(frozen=True, kw_only=True)
class Drawn(Result):
    """Pictures of one text, in the order of the seeds, or as a model ranked them, `judge`."""

    pictures: tuple[Picture, ...]
    judge: str = ""

    def ranked(self, judge: str | Path | Opened) -> Drawn:
        """The same pictures, those that fit the text best first, each with its `score`. `judge`: a captioner, or a model in which texts and
        pictures meet (CLIP), as `limelight.open` takes it. Raises TaskError for any other; see `ranking`."""
        from ...hub import Opened, open_model
        from .ranking import ranked

        return ranked(self, judge if isinstance(judge, Opened) else open_model(judge))

    def grid(self, columns: int | None = None) -> Image.Image:
        """All of them in one, row by row; by default as many rows as columns, or one row less."""
        return grid([each.image for each in self.pictures], columns)

    def __str__(self) -> str:
        first = self.pictures[0].image
        seeds = ", ".join(str(each.seed) for each in self.pictures)
        return f"{len(self.pictures)} of {first.width} x {first.height} pixels, seeds {seeds}"

    def cells(self) -> Cells:
        """See Result: codes, since a table holds no picture."""
        return {"": [list(each.codes) for each in self.pictures], "seeds": [each.seed for each in self.pictures]}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        told = {"pictures": [each.to_json() for each in self.pictures], **super().to_json()}
        return {**told, "judge": self.judge} if self.judge else told

    def _repr_html_(self) -> str:
        file = io.BytesIO()
        self.grid().save(file, "PNG")
        return f'<img src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def grid(images: Sequence[Image.Image], columns: int | None = None) -> Image.Image:
    """Pictures of one size beside one another, two pixels of white between them."""
    wide = min(len(images), columns or math.ceil(math.sqrt(len(images))))
    (w, h), gap = images[0].size, 2
    rows = -(-len(images) // wide)
    sheet = Image.new("RGB", (wide * (w + gap) - gap, rows * (h + gap) - gap), "white")
    for place, image in enumerate(images):
        sheet.paste(image, (place % wide * (w + gap), place // wide * (h + gap)))
    return sheet
