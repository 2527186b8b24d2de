"""CLIP (Radford et al. 2021): texts and pictures in one space; the text's column reads from left to right, and its vector is that of the
end token."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, FeedForward, Learned, Meeting, Model, Norm, Patches, Pictures, Stack, Tokens
from ..weights.names import Row, row, rows
from .config import Config
from .family import Family, column, sizes

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
USUAL = Pictures(shorter=224, crop=(224, 224), filter="bicubic", mean=MEAN, std=STD)
END, OLD_END = 49_407, 2               # files from before 2023 say 2, and mean the token of the highest number


def spec(c: Config) -> Model:
    """See Family."""
    c.made_by("CLIPModel")
    text, seen = _side(c, "text"), _side(c, "vision")
    dim, length = text.count("hidden_size", 512), text.count("max_position_embeddings", 77)
    end = next(iter(text.ids("eos_token_id")), END)
    (high, wide), size = seen.pair("image_size", 224), seen.count("patch_size", 32)
    squares = Patches(rows=high, columns=wide, size=size, channels=seen.count("num_channels", 3), bias=False)
    return Model(
        family="clip",
        dim=dim,
        encoder=_stack(text, Tokens(vocab=text.count("vocab_size", 49_408)), length, heads=8, hidden=2048),
        pictures=_stack(seen, squares, squares.slots, heads=12, hidden=3072),
        heads=(Meeting(dim=c.count("projection_dim", 512), end=None if end == OLD_END else end),),
    )


def _side(c: Config, name: str) -> Config:
    """The settings of one column; old files tell them twice, and mean the second."""
    told, again = c.part(f"{name}_config"), c.part(f"{name}_config_dict")
    return (told or Config({}, where=c.where)).over(again) if again else told or Config({}, where=c.where)


def _stack(c: Config, reads: Tokens | Patches, length: int, *, heads: int, hidden: int) -> Stack:
    text = isinstance(reads, Tokens)
    return Stack(
        depth=c.layers("num_hidden_layers", 12),
        attention=Attention(heads=c.count("num_attention_heads", heads), dropout=c.number("attention_dropout", 0.0)),
        ff=FeedForward(hidden=c.count("intermediate_size", hidden), activation=c.activation("hidden_act", "quick_gelu")),
        norm=Norm(eps=c.number("layer_norm_eps", 1e-5)),
        input=reads,
        position=Learned(length=length),
        dim=None if text else c.count("hidden_size", 768),
        causal=text,
        norm_input=not text,
    )


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    (text, told), (seen, _) = column(m.encoder, Learned), column(m.pictures, Learned)
    squares, head = seen.input, m.heads[0] if m.heads else None
    if not isinstance(squares, Patches) or not isinstance(head, Meeting):
        raise TypeError("CLIP reads squares of pictures, and compares them with texts")
    return {
        "architectures": ["CLIPModel"],
        "projection_dim": head.dim,
        "text_config": {
            **sizes(text, m.width(text)),
            "attention_dropout": text.attention.dropout,
            "model_type": "clip_text_model",
            "vocab_size": text.tokens.vocab,
            "max_position_embeddings": told.length,
            "eos_token_id": OLD_END if head.end is None else head.end,
        },
        "vision_config": {
            **sizes(seen, m.width(seen)),
            "attention_dropout": seen.attention.dropout,
            "model_type": "clip_vision_model",
            "image_size": squares.rows if squares.rows == squares.columns else [squares.rows, squares.columns],
            "patch_size": squares.size,
            "num_channels": squares.channels,
        },
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    del m
    text, seen = "text_model.embeddings", "vision_model.embeddings"
    return [
        row(f"{text}.token_embedding.weight", "encoder.embed.token.weight"),
        row(f"{text}.position_embedding.weight", "encoder.embed.position.weight"),
        row(f"{seen}.class_embedding", "pictures.embed.patches.before.0"),
        row(f"{seen}.patch_embedding.weight", "pictures.embed.patches.map.weight"),
        row(f"{seen}.position_embedding.weight", "pictures.embed.position.weight"),
        row(f"{text}.position_ids"),
        row(f"{seen}.position_ids"),
        row("vision_model.pre_layrnorm.*", "pictures.embed.norm.*"),
        row("vision_model.post_layernorm.*", "pictures.norm.*"),
        row("text_model.final_layer_norm.*", "encoder.norm.*"),
        *_layers("text_model", "encoder"),
        *_layers("vision_model", "pictures"),
        row("text_projection.weight", "heads.meeting.text.weight"),
        row("visual_projection.weight", "heads.meeting.picture.weight"),
        row("logit_scale", "heads.meeting.scale"),
    ]


def _layers(theirs: str, ours: str) -> list[Row]:
    theirs, ours = f"{theirs}.encoder.layers.{{i}}", f"{ours}.blocks.{{i}}"
    attention = {f"self_attn.{name}_proj": f"attn.{name}" for name in "qkv"} | {"self_attn.out_proj": "attn.o"}
    return rows(theirs, ours, {
        **attention, "layer_norm1": "attn_add.norm", "layer_norm2": "ff_add.norm", "mlp.fc1": "ff.up", "mlp.fc2": "ff.down",
    })  # fmt: skip


FAMILY = Family(spec, config, names, pictures=USUAL, processor="CLIPImageProcessor")
