"""BART (Lewis et al. 2020), Marian (Junczys-Dowmunt et al. 2018) and M2M100 (Fan et al. 2021; NLLB too): one body, three dialects.

BART learns its positions, from row 2 on, and norms what it embeds. Marian has fixed waves, [sin | cos]. M2M100 has tensor2tensor's,
from the row after that of padding's id on, and its norms come before the branches.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from ..spec import Attention, Classes, FeedForward, Learned, Model, Norm, Position, Sinusoid, Stack, Tokens, Words
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .habits import SLASHES, TOLD_SOURCE, TOLD_TARGET
from .heads import architecture, labelled, span

STEMS = {"bart": ("Bart", "ForConditionalGeneration"), "marian": ("Marian", "MTModel"), "m2m_100": ("M2M100", "ForConditionalGeneration")}
USUAL = {  # where config.json does not say: vocabulary, activation, whether embeddings are scaled, dropout of the weights
    "bart": (50_265, "gelu", False, 0.0),
    "marian": (58_101, "gelu", False, 0.0),
    "m2m_100": (128_112, "relu", True, 0.1),
}


def spec(c: Config, *, kind: str) -> Model:
    """See Family."""
    c.only(normalize_before=kind == "m2m_100", static_position_embeddings=kind == "marian", add_final_layer_norm=False)
    c.only(normalize_embedding=kind == "bart")
    vocab, bend, scaled, drop = USUAL[kind]
    bent, act = c.number("activation_dropout", 0.0), c.activation("activation_function", bend)
    words, wide = c.flag("scale_embedding", scaled), c.count("vocab_size", vocab)

    def side(name: str) -> Stack:
        return Stack(
            depth=c.count(f"{name}_layers", 12),
            attention=Attention(heads=c.count(f"{name}_attention_heads", 16), dropout=c.number("attention_dropout", drop)),
            ff=FeedForward(hidden=c.count(f"{name}_ffn_dim", 4096), activation=act, dropout=bent),
            input=Tokens(vocab=wide, scaled=words),
            position=_position(kind, c.count("max_position_embeddings", 1024), c.whole("pad_token_id", 1) + 1),
            norm=Norm(),
            norm_at="pre" if kind == "m2m_100" else "post",
            norm_input=kind == "bart",
            norm_output=kind == "m2m_100",
            dropout=c.number("dropout", 0.1),
        )

    decoder = side("decoder")
    decoder = replace(decoder, causal=True, cross=decoder.attention)
    shared = c.flag("share_encoder_decoder_embeddings", True)
    if not shared:
        decoder = replace(decoder, input=replace(decoder.input, vocab=c.count("decoder_vocab_size", wide)))
    heads = c.head(
        words=Words(tied=c.flag("tie_word_embeddings", True), bias=kind != "m2m_100"),
        classes=Classes(labels=c.classes, at="last", mix="tanh", several=c.several, quantity=c.quantity) if kind == "bart" else None,
        span=span() if kind == "bart" else None,
    )
    return Model(family=kind, dim=c.count("d_model", 1024), encoder=side("encoder"), decoder=decoder, heads=heads, shared=shared)


def _position(kind: str, length: int, after: int) -> Position:
    match kind:
        case "bart":
            return Learned(length=length, offset=2)
        case "marian":
            return Sinusoid(length=length, halves=True)
    return Sinusoid(length=length, offset=after, halves=True, shifted=True)


def config(m: Model, *, kind: str) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.encoder, Learned if kind == "bart" else Sinusoid)
    t, _ = column(m.decoder, type(position))
    stem, words = STEMS[kind]
    own = {"share_encoder_decoder_embeddings": m.shared, "decoder_vocab_size": t.tokens.vocab} if kind == "marian" else {}
    own |= {"pad_token_id": position.offset - 1} if kind == "m2m_100" else {}
    sides = {"encoder": s, "decoder": t}
    return {
        **architecture(stem, m.heads, words=words),
        **labelled(m.heads),
        **own,
        **{f"{name}_layers": each.depth for name, each in sides.items()},
        **{f"{name}_attention_heads": each.attention.heads for name, each in sides.items()},
        **{f"{name}_ffn_dim": each.ff.hidden for name, each in sides.items()},
        "d_model": m.dim,
        "vocab_size": s.tokens.vocab,
        "max_position_embeddings": position.length,
        "scale_embedding": s.tokens.scaled,
        "activation_function": PUBLISHED[s.ff.activation],
        "activation_dropout": s.ff.dropout,
        "attention_dropout": s.attention.dropout,
        "dropout": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    words = next((head for head in m.heads if isinstance(head, Words)), None)
    tables = {"encoder": "encoder", "decoder": "encoder" if m.shared else "decoder"}
    last = f"{tables['decoder']}.embed.token.weight"
    return [
        row("model.shared.weight", "encoder.embed.token.weight") if m.shared else row("model.shared.weight"),
        *(row(f"model.{side}.embed_tokens.weight", f"{tables[side]}.embed.token.weight", copy=m.shared) for side in tables),
        *(each for side in tables for each in layers(side, learned=isinstance(m.encoder.position, Learned) if m.encoder else False)),
        row("final_logits_bias", "heads.lm.bias", flat=1, zero=True) if words and words.bias else row("final_logits_bias"),
        *([row("lm_head.weight")] if words is None else []),
        row("lm_head.weight", last, copy=True) if words and words.tied else row("lm_head.weight", "heads.lm.out.weight"),
        row("classification_head.dense.*", "heads.classes.mix.*"),
        row("classification_head.out_proj.*", "heads.classes.out.*"),
        row("qa_outputs.*", "heads.span.out.*"),
        *(row(f"model.{side}.version") for side in tables),
    ]


def layers(side: str, *, learned: bool) -> list[Row]:
    """Rows for the layers of an encoder or a decoder, and what is around them; `learned`: whether a file keeps their positions."""
    theirs, ours = f"model.{side}.layers.{{i}}", f"{side}.blocks.{{i}}"
    attention = {f"self_attn.{part}_proj": f"attn.{part}" for part in "qkv"} | {"self_attn.out_proj": "attn.o"}
    crossed = {f"encoder_attn.{part}_proj": f"cross.{part}" for part in "qkv"} | {"encoder_attn.out_proj": "cross.o"}
    around = {"self_attn_layer_norm": "attn_add.norm", "encoder_attn_layer_norm": "cross_add.norm"}
    ff = {"fc1": "ff.up", "fc2": "ff.down", "final_layer_norm": "ff_add.norm"}
    return [
        row(f"model.{side}.embed_positions.weight", *[f"{side}.embed.position.weight"] * learned),      # fixed waves are computed
        row(f"model.{side}.embed_positions.weights"),
        row(f"model.{side}.layernorm_embedding.*", f"{side}.embed.norm.*"),
        *rows(theirs, ours, {**attention, **crossed, **around, **ff}),
        row(f"model.{side}.layer_norm.*", f"{side}.norm.*"),
    ]


HABITS = {"bart": SLASHES, "marian": TOLD_TARGET, "m2m_100": TOLD_SOURCE}
KIN = {kind: Family(partial(spec, kind=kind), partial(config, kind=kind), names, "model.", HABITS[kind]) for kind in STEMS}
