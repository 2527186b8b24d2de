"""BLIP (Li et al. 2022) as a captioner: a ViT reads the squares of a picture, and a BERT that reads from left to right and
cross-attends writes of them, after a start token of its own."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, FeedForward, Learned, Model, Norm, Patches, Pictures, Stack, Tokens, Words
from ..weights.names import Row, row, rows
from .bert import body, looking, predicting
from .clip import MEAN, STD
from .config import Config
from .family import Family, column, sizes
from .habits import WORD_PIECES

USUAL = Pictures(size=(384, 384), filter="bicubic", mean=MEAN, std=STD)
TOKENS = {
    "decoder_start_token_id": ("bos_token_id", 30_522),
    "eos_token_id": ("sep_token_id", 102),
    "pad_token_id": ("pad_token_id", 0),
}


def spec(c: Config) -> Model:
    """See Family."""
    c.made_by("BlipForConditionalGeneration")
    text, seen = (c.part(name) or Config({}, where=c.where, tensors=c.tensors) for name in ("text_config", "vision_config"))
    dim, wide, act = text.count("hidden_size", 768), seen.count("hidden_size", 768), text.activation("hidden_act", "gelu")
    text.only(is_decoder=True, position_embedding_type="absolute")
    attention = Attention(heads=text.count("num_attention_heads", 8), dropout=text.number("attention_probs_dropout_prob", 0.0))
    decoder = Stack(
        depth=text.layers("num_hidden_layers", 12),
        attention=attention,
        ff=FeedForward(hidden=text.count("intermediate_size", 3072), activation=act),
        norm=Norm(eps=text.number("layer_norm_eps", 1e-12)),
        input=Tokens(vocab=text.count("vocab_size", 30_524)),
        position=Learned(length=text.count("max_position_embeddings", 512)),
        cross=attention,
        causal=True,
        norm_at="post",
        norm_input=True,
        norm_output=False,
        dropout=text.number("hidden_dropout_prob", 0.0),
    )
    words = Words(tied=c.flag("tie_word_embeddings", True), bias=True, mix=act)
    return Model(family="blip", dim=dim, encoder=_seeing(seen, None if wide == dim else wide), decoder=decoder, heads=(words,))


def _seeing(c: Config, dim: int | None) -> Stack:
    side, size = c.count("image_size", 384), c.count("patch_size", 16)
    squares = Patches(rows=side, columns=side, size=size)
    return Stack(
        depth=c.layers("num_hidden_layers", 12),
        attention=Attention(heads=c.count("num_attention_heads", 12), dropout=c.number("attention_dropout", 0.0)),
        ff=FeedForward(hidden=c.count("intermediate_size", 3072), activation=c.activation("hidden_act", "gelu")),
        norm=Norm(eps=c.number("layer_norm_eps", 1e-5)),
        input=squares,
        position=Learned(length=squares.slots),
        dim=dim,
    )


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    (text, told), (seen, _), squares = column(m.decoder, Learned), column(m.encoder, Learned), getattr(m.encoder, "input", None)
    words = m.heads[0] if m.heads else None
    if not isinstance(squares, Patches) or not isinstance(words, Words):
        raise TypeError("BLIP reads squares of pictures, and tells words apart")
    return {
        "architectures": ["BlipForConditionalGeneration"],
        "tie_word_embeddings": words.tied,
        "text_config": {
            **sizes(text, m.dim),
            "model_type": "blip_text_model",
            "is_decoder": True,
            "vocab_size": text.tokens.vocab,
            "encoder_hidden_size": m.width(seen),
            "max_position_embeddings": told.length,
            "attention_probs_dropout_prob": text.attention.dropout,
            "hidden_dropout_prob": text.dropout,
        },
        "vision_config": {
            **sizes(seen, m.width(seen)),
            "model_type": "blip_vision_model",
            "attention_dropout": seen.attention.dropout,
            "image_size": squares.rows,
            "patch_size": squares.size,
        },
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    theirs, ours, embed = "vision_model.encoder.layers.{i}", "encoder.blocks.{i}", "vision_model.embeddings"
    wide = {"layer_norm1": "attn_add.norm", "layer_norm2": "ff_add.norm", "mlp.fc1": "ff.up", "mlp.fc2": "ff.down"}
    return [
        row(f"{embed}.class_embedding", "encoder.embed.patches.before.0", flat=2),
        row(f"{embed}.position_embedding", "encoder.embed.position.weight", flat=1),
        row(f"{embed}.patch_embedding.*", "encoder.embed.patches.map.*"),
        row(f"{theirs}.self_attn.qkv.*", *(f"{ours}.attn.{part}.*" for part in "qkv")),
        *rows(theirs, ours, {"self_attn.projection": "attn.o", **wide}),
        row("vision_model.post_layernorm.*", "encoder.norm.*"),
        *body("text_decoder.bert.", "decoder"),
        *rows("text_decoder.bert.encoder.layer.{i}", "decoder.blocks.{i}", looking("crossattention", "cross")),
        *predicting(m.heads, "text_decoder.cls.predictions", "decoder"),
    ]


FAMILY = Family(
    spec, config, names, habit=WORD_PIECES, pictures=USUAL, processor="BlipImageProcessor", inner="text_config", tokens=TOKENS
)
