"""XGLM (Lin et al. 2022): a language model of 30 languages; tensor2tensor's fixed waves, counted from row 2 on."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, FeedForward, Model, Sinusoid, Stack, Tokens, Words
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .habits import BEGUN_TWICE
from .heads import after, architecture, labelled


def spec(c: Config) -> Model:
    """See Family."""
    c.only(add_cross_attention=False)
    act, bent = c.activation("activation_function", "gelu"), c.number("activation_dropout", 0.0)
    decoder = Stack(
        depth=c.count("num_layers", 24),
        attention=Attention(heads=c.count("attention_heads", 16), dropout=c.number("attention_dropout", 0.1)),
        ff=FeedForward(hidden=c.count("ffn_dim", 4096), activation=act, dropout=bent),
        input=Tokens(vocab=c.count("vocab_size", 256_008), scaled=c.flag("scale_embedding", True)),
        position=Sinusoid(length=c.count("max_position_embeddings", 2048), offset=2, halves=True, shifted=True),
        causal=True,
        dropout=c.number("dropout", 0.1),
    )
    heads = c.head(words=Words(tied=c.flag("tie_word_embeddings", True)))
    return Model(family="xglm", dim=c.count("d_model", 1024), decoder=decoder, heads=heads)


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.decoder, Sinusoid)
    return {
        **architecture("XGLM", m.heads, words="ForCausalLM"),
        **labelled(m.heads),
        "d_model": m.dim, "num_layers": s.depth, "attention_heads": s.attention.heads, "ffn_dim": s.ff.hidden,
        "vocab_size": s.tokens.vocab, "scale_embedding": s.tokens.scaled, "max_position_embeddings": position.length,
        "activation_function": PUBLISHED[s.ff.activation], "activation_dropout": s.ff.dropout,
        "attention_dropout": s.attention.dropout, "dropout": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    inner = {f"self_attn.{part}_proj": f"attn.{part}" for part in "qkv"} | {"self_attn.out_proj": "attn.o"}
    outer = {"self_attn_layer_norm": "attn_add.norm", "fc1": "ff.up", "fc2": "ff.down", "final_layer_norm": "ff_add.norm"}
    return [
        row("model.embed_tokens.weight", "decoder.embed.token.weight"),
        row("model.embed_positions.weights"),                                  # fixed waves are computed
        *rows("model.layers.{i}", "decoder.blocks.{i}", {**inner, **outer}),
        row("model.layer_norm.*", "decoder.norm.*"),
        *after(m, "decoder.embed.token.weight"),
    ]


FAMILY = Family(spec, config, names, prefix="model.", habit=BEGUN_TWICE)
