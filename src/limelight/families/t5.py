"""T5 (Raffel et al. 2020), T5 1.1 and Flan-T5: distances in buckets, scores that are not scaled, no biases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..spec import Activation, Attention, Buckets, Classes, Dot, FeedForward, Labels, Model, Norm, Stack, Tokens, Words
from ..weights.names import Row, row
from .config import Config
from .family import Family, column
from .habits import SENTINELS
from .heads import after, architecture, labelled, span

BENDS: dict[str, tuple[Activation, bool]] = {
    "relu": ("relu", False),
    "gelu": ("gelu", False),
    "gated-gelu": ("gelu_tanh", True),
    "gated-silu": ("silu", True),
    "gated-relu": ("relu", True),
}


def spec(c: Config) -> Model:
    """See Family.

    A head of its own is told by the file, not by config.json: T5 1.1 says tie_word_embeddings=false, and a library may have tied it
    all the same when it saved. What the key does tell is whether hidden states are scaled down before the output.
    """
    dim, norm, drop = c.count("d_model", 512), Norm(kind="rms", eps=c.number("layer_norm_epsilon", 1e-6)), c.number("dropout_rate", 0.1)
    told = c.word("feed_forward_proj", "relu")
    if told not in BENDS:
        raise c.wrong("feed_forward_proj", told, f"one of {', '.join(BENDS)}")
    act, gated = BENDS[told]
    attention = Attention(heads=c.count("num_heads", 8), head_dim=c.count("d_kv", 64), bias="", score=Dot(), dropout=drop)
    encoder = Stack(
        depth=c.count("num_layers", 6),
        attention=attention,
        ff=FeedForward(hidden=c.count("d_ff", 2048), activation=act, gated=gated, bias=False, dropout=drop),
        norm=norm,
        input=Tokens(vocab=c.count("vocab_size", 32_128)),
        position=Buckets(count=c.count("relative_attention_num_buckets", 32), furthest=c.count("relative_attention_max_distance", 128)),
        dropout=drop,
    )
    alone = c.ends("EncoderModel", "ForTokenClassification")
    decoder = replace(encoder, depth=c.count("num_decoder_layers", encoder.depth), causal=True, cross=attention)
    scaled = c.flag("scale_decoder_outputs", c.flag("tie_word_embeddings", True)) and c.flag("tie_word_embeddings", True)
    heads = c.head(
        words=Words(tied=scaled or "lm_head.weight" not in c.tensors, scale=dim**-0.5 if scaled else 1.0),
        classes=Classes(labels=c.classes, at="last", mix="tanh", several=c.several, quantity=c.quantity),
        labels=Labels(labels=c.classes),
        span=span(),
    )
    return Model(family="t5", dim=dim, encoder=encoder, decoder=None if alone else decoder, heads=heads)


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.encoder, Buckets)
    words = next((head for head in m.heads if isinstance(head, Words)), None)
    scaled = words is None or words.scale != 1.0
    made = architecture("T5", m.heads, words="ForConditionalGeneration")
    return {
        **(made if m.decoder is not None or m.heads else {"architectures": ["T5EncoderModel"]}),
        **labelled(m.heads),
        "tie_word_embeddings": scaled,
        "d_model": m.dim,
        "d_kv": s.attention.width(m.dim),
        "d_ff": s.ff.hidden,
        "num_layers": s.depth,
        "num_decoder_layers": s.depth if m.decoder is None else m.decoder.depth,
        "num_heads": s.attention.heads,
        "feed_forward_proj": next(name for name, bend in BENDS.items() if bend == (s.ff.activation, s.ff.gated)),
        "layer_norm_epsilon": s.norm.eps,
        "vocab_size": s.tokens.vocab,
        "relative_attention_num_buckets": position.count,
        "relative_attention_max_distance": position.furthest,
        "dropout_rate": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    stem = "transformer." if any(head.name in ("classes", "labels") for head in m.heads) else ""
    inner = [
        row("shared.weight", "encoder.embed.token.weight"),
        *_side("encoder", gated=isinstance(m.encoder, Stack) and m.encoder.ff.gated),
        *_side("decoder", gated=isinstance(m.decoder, Stack) and m.decoder.ff.gated),
    ]
    return [
        *(replace(each, theirs=stem + each.theirs) for each in inner),
        row("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"),        # an old mistake, never read
        row("classification_head.dense.*", "heads.classes.mix.*"),
        row("classification_head.out_proj.*", "heads.classes.out.*"),
        *after(m, "encoder.embed.token.weight"),
    ]


def _side(side: str, *, gated: bool) -> list[Row]:
    theirs, ours = f"{side}.block.{{i}}.layer", f"{side}.blocks.{{i}}"
    last = 2 if side == "decoder" else 1
    bends = {"wi_0": "gate", "wi_1": "up"} if gated else {"wi": "up"}
    crossed = [
        *(row(f"{theirs}.1.EncDecAttention.{part}.weight", f"{ours}.cross.{part}.weight") for part in "qkvo"),
        row(f"{theirs}.1.layer_norm.weight", f"{ours}.cross_add.norm.weight"),
    ]
    return [
        row(f"{side}.embed_tokens.weight", "encoder.embed.token.weight", copy=True),
        row(f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", f"{side}.distance.weight"),
        *(row(f"{theirs}.0.SelfAttention.{part}.weight", f"{ours}.attn.{part}.weight") for part in "qkvo"),
        row(f"{theirs}.0.layer_norm.weight", f"{ours}.attn_add.norm.weight"),
        *(crossed if side == "decoder" else []),
        *(row(f"{theirs}.{last}.DenseReluDense.{a}.weight", f"{ours}.ff.{b}.weight") for a, b in {**bends, "wo": "down"}.items()),
        row(f"{theirs}.{last}.layer_norm.weight", f"{ours}.ff_add.norm.weight"),
        row(f"{side}.final_layer_norm.weight", f"{side}.norm.weight"),
    ]


FAMILY = Family(spec, config, names, habit=SENTINELS)
