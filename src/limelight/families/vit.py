"""ViT (Dosovitskiy et al. 2021): a picture's squares, read as tokens are; a class is read off a learnt vector ahead of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Attention, Classes, FeedForward, Learned, Model, Norm, Patches, Pictures, Stack
from ..weights.names import Row, row, rows
from .config import Config
from .family import Family, column, sizes
from .heads import architecture, labelled

HALF = (0.5, 0.5, 0.5)
USUAL = Pictures(size=(224, 224), mean=HALF, std=HALF)


def spec(c: Config) -> Model:
    """See Family."""
    classes = Classes(labels=c.classes, several=c.several, quantity=c.quantity)
    return Model(family="vit", dim=c.count("hidden_size", 768), encoder=seeing(c, before=1), heads=c.head(classes=classes))


def seeing(c: Config, *, before: int) -> Stack:
    """The column of a picture of fixed size; `before`: learnt vectors ahead of its squares."""
    return reading(c, replace(squares_of(c, side=224), before=before))


def squares_of(c: Config, *, side: int) -> Patches:
    """Squares with one learnt vector ahead of them; `side`: of the picture, where the file does not say."""
    (high, wide), size = c.pair("image_size", side), c.count("patch_size", 16)
    return Patches(rows=high, columns=wide, size=size, channels=c.count("num_channels", 3))


def reading(c: Config, squares: Patches) -> Stack:
    """The column that reads squares."""
    return Stack(
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
        dropout=c.number("hidden_dropout_prob", 0.0),
    )


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    return {**architecture("ViT", m.heads, classes="ForImageClassification"), **labelled(m.heads), **told(m)}


def told(m: Model) -> dict[str, Any]:
    """What a config.json says of the column."""
    s, _ = column(m.encoder, Learned)
    squares = s.input
    if not isinstance(squares, Patches):
        raise TypeError("a ViT reads squares of pictures")
    return {
        **sizes(s, m.dim),
        "image_size": squares.rows if squares.rows == squares.columns else [squares.rows, squares.columns],
        "patch_size": squares.size,
        "num_channels": squares.channels,
        "qkv_bias": "q" in s.attention.bias,
        "attention_probs_dropout_prob": s.attention.dropout,
        "hidden_dropout_prob": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    del m
    theirs, ours, embed = "vit.encoder.layer.{i}", "encoder.blocks.{i}", "vit.embeddings"
    attention = {f"attention.attention.{whole}": f"attn.{whole[0]}" for whole in ("query", "key", "value")}
    return [
        row(f"{embed}.cls_token", "encoder.embed.patches.before.0", flat=2),
        row(f"{embed}.position_embeddings", "encoder.embed.position.weight", flat=1),
        row(f"{embed}.patch_embeddings.projection.*", "encoder.embed.patches.map.*"),
        row(f"{embed}.mask_token"),
        *rows(theirs, ours, {**attention, "attention.output.dense": "attn.o", "intermediate.dense": "ff.up", "output.dense": "ff.down"}),
        *rows(theirs, ours, {"layernorm_before": "attn_add.norm", "layernorm_after": "ff_add.norm"}),
        row("vit.layernorm.*", "encoder.norm.*"),
        row("vit.pooler.dense.*"),
        row("classifier.*", "heads.classes.out.*"),
    ]


FAMILY = Family(spec, config, names, prefix="vit.", pictures=USUAL, processor="ViTImageProcessor")
