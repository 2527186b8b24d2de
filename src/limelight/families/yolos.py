"""YOLOS (Fang et al. 2021): a ViT with learnt vectors behind the squares, each of which looks for an object; pictures have any size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Attention, FeedForward, Labels, Learned, Model, Norm, Patches, Stack
from ..weights.names import Row, row
from . import vit
from .config import PUBLISHED, Config
from .detr import USUAL
from .family import Family, column
from .heads import architecture, finders, found_in, labelled


def spec(c: Config) -> Model:
    """See Family."""
    (high, wide), size = c.pair("image_size", 512), c.count("patch_size", 16)
    squares = Patches(
        rows=high, columns=wide, size=size, channels=c.count("num_channels", 3), after=c.count("num_detection_tokens", 100), stretched=True
    )
    encoder = Stack(
        depth=c.layers("num_hidden_layers", 12),
        attention=Attention(
            heads=c.count("num_attention_heads", 12),
            bias="qkvo" if c.flag("qkv_bias", True) else "o",
            dropout=c.number("attention_probs_dropout_prob", 0.0),
        ),
        ff=FeedForward(hidden=c.count("intermediate_size", 3072), activation=c.activation("hidden_act", "gelu")),
        norm=Norm(eps=c.number("layer_norm_eps", 1e-12)),
        input=squares,
        position=Learned(length=squares.slots),
        between=c.flag("use_mid_position_embeddings", True),
        dropout=c.number("hidden_dropout_prob", 0.0),
    )
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
        "hidden_size": m.dim,
        "num_hidden_layers": s.depth,
        "num_attention_heads": s.attention.heads,
        "intermediate_size": s.ff.hidden,
        "hidden_act": PUBLISHED[s.ff.activation],
        "layer_norm_eps": s.norm.eps,
        "image_size": [squares.rows, squares.columns],
        "patch_size": squares.size,
        "num_channels": squares.channels,
        "num_detection_tokens": squares.after,
        "use_mid_position_embeddings": s.between,
        "qkv_bias": "q" in s.attention.bias,
        "attention_probs_dropout_prob": s.attention.dropout,
        "hidden_dropout_prob": s.dropout,
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
