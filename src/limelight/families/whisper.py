"""Whisper (Radford et al. 2022): BART's body with norms before the branches, reading frames of sound; keys have no bias."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Attention, FeedForward, Frames, Learned, Model, Sounds, Stack, Tokens, Words
from ..weights.names import Row, row
from .bart import layers
from .config import PUBLISHED, Config
from .family import Family, column
from .heads import architecture, labelled


def spec(c: Config) -> Model:
    """See Family."""
    act, drop = c.activation("activation_function", "gelu"), c.number("dropout", 0.0)

    def side(name: str, reads: Frames | Tokens, positions: int) -> Stack:
        return Stack(
            depth=c.layers(f"{name}_layers", 4),
            attention=Attention(heads=c.count(f"{name}_attention_heads", 6), bias="qvo", dropout=c.number("attention_dropout", 0.0)),
            ff=FeedForward(hidden=c.count(f"{name}_ffn_dim", 1536), activation=act, dropout=c.number("activation_dropout", 0.0)),
            input=reads,
            position=Learned(length=positions),
            dropout=drop,
        )

    heard = c.count("max_source_positions", 1500)
    encoder = side("encoder", Frames(mels=c.count("num_mel_bins", 80), length=2 * heard), heard)
    words = Tokens(vocab=c.count("vocab_size", 51_865), scaled=c.flag("scale_embedding", False))
    decoder = side("decoder", words, c.count("max_target_positions", 448))
    decoder = replace(decoder, causal=True, cross=decoder.attention)
    heads = c.head(words=Words(tied=c.flag("tie_word_embeddings", True)))
    return Model(family="whisper", dim=c.count("d_model", 384), encoder=encoder, decoder=decoder, heads=heads)


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    (s, heard), (t, told) = column(m.encoder, Learned), column(m.decoder, Learned)
    sides = {"encoder": s, "decoder": t}
    return {
        **architecture("Whisper", m.heads, words="ForConditionalGeneration"),
        **labelled(m.heads),
        **{f"{name}_layers": each.depth for name, each in sides.items()},
        **{f"{name}_attention_heads": each.attention.heads for name, each in sides.items()},
        **{f"{name}_ffn_dim": each.ff.hidden for name, each in sides.items()},
        "d_model": m.dim,
        "vocab_size": t.tokens.vocab,
        "num_mel_bins": s.input.mels if isinstance(s.input, Frames) else 80,
        "max_source_positions": heard.length,
        "max_target_positions": told.length,
        "scale_embedding": t.tokens.scaled,
        "activation_function": PUBLISHED[s.ff.activation],
        "activation_dropout": s.ff.dropout,
        "attention_dropout": s.attention.dropout,
        "dropout": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    words = next((head for head in m.heads if isinstance(head, Words)), None)
    table = "decoder.embed.token.weight"
    out = row("proj_out.weight") if words is None else row("proj_out.weight", table, copy=True)
    return [
        row("model.encoder.conv1.*", "encoder.embed.frames.first.*"),
        row("model.encoder.conv2.*", "encoder.embed.frames.second.*"),
        row("model.decoder.embed_tokens.weight", table),
        *(each for side in ("encoder", "decoder") for each in layers(side, learned=True)),
        out if words is None or words.tied else row("proj_out.weight", "heads.lm.out.weight"),
    ]


FAMILY = Family(spec, config, names, prefix="model.", sounds=Sounds(), processor="WhisperFeatureExtractor")
