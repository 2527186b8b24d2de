"""YOLOS (Fang et al. 2021): a ViT with learnt vectors behind the squares, each of which looks for an object; pictures have any size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Labels, Learned, Model, Patches
from ..weights.names import Row, row
from . import vit
from .config import Config
from .detr import USUAL
from .family import Family, column
from .heads import architecture, finders, found_in, labelled


def spec(c: Config) -> Model:
    """See Family."""
    squares = replace(vit.squares_of(c, side=512), after=c.count("num_detection_tokens", 100), stretched=True)
    encoder = replace(vit.reading(c, squares), between=c.flag("use_mid_position_embeddings", True))
    return Model(family="yolos", dim=c.count("hidden_size", 768), encoder=encoder, heads=finders(c, depth=3))


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, _ = column(m.encoder, Learned)
    squares = s.input
    if not isinstance(squares, Patches):
        raise TypeError("a YOLOS reads squares of pictures")
    return {
        **architecture("Yolos", m.heads),
        **labelled(m.heads),
        **vit.told(m),
        "image_size": [squares.rows, squares.columns],
        "num_detection_tokens": squares.after,
        "use_mid_position_embeddings": s.between,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    return [
        row("vit.embeddings.detection_tokens", "encoder.embed.patches.after", flat=1),
        row("vit.encoder.mid_position_embeddings", "encoder.embed.between"),
        *found_in(depth=next((head.depth for head in m.heads if isinstance(head, Labels)), 3)),
        *vit.names(m),
    ]


SIXTEENS = replace(USUAL, multiple=16)   # whatever the size of its squares
FAMILY = Family(spec, config, names, prefix="vit.", pictures=SIXTEENS, processor="YolosImageProcessor")
