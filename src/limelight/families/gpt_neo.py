"""GPT-Neo (Black et al. 2021): GPT-2 with scores that are not scaled, and layers that see all or only the last few tokens."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, Dot, FeedForward, Learned, Model, Norm, Stack, Tokens
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .heads import after, architecture, causal_heads, labelled


def spec(c: Config) -> Model:
    """See Family."""
    dim, depth = c.count("hidden_size", 2048), c.layers("num_layers", 24)
    size = c.count("window_size", 256)
    kinds = c.repeated("attention_types", [[["global", "local"], max(1, depth // 2)]], of=("global", "local"))
    decoder = Stack(
        depth=depth,
        attention=Attention(heads=c.count("num_heads", 16), bias="o", score=Dot(), dropout=c.number("attention_dropout", 0.0)),
        ff=FeedForward(hidden=c.count("intermediate_size", 4 * dim), activation=c.activation("activation_function", "gelu_new")),
        norm=Norm(eps=c.number("layer_norm_epsilon", 1e-5)),
        input=Tokens(vocab=c.count("vocab_size", 50257)),
        position=Learned(length=c.count("max_position_embeddings", 2048)),
        windows=tuple(size if kind == "local" else None for kind in kinds),
        causal=True,
        dropout=c.number("resid_dropout", 0.0),
    )
    return Model(family="gpt_neo", dim=dim, decoder=decoder, heads=causal_heads(c, tied=True))


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.decoder, Learned)
    return {
        **architecture("GPTNeo", m.heads, words="ForCausalLM"),
        **labelled(m.heads),
        "hidden_size": m.dim,
        "num_layers": s.depth,
        "num_heads": s.attention.heads,
        "attention_types": [[["local" if window else "global"], 1] for window in s.windows],
        "window_size": next((window for window in s.windows if window), 256),
        "intermediate_size": s.ff.hidden,
        "activation_function": PUBLISHED[s.ff.activation],
        "layer_norm_epsilon": s.norm.eps,
        "vocab_size": s.tokens.vocab,
        "max_position_embeddings": position.length,
        "attention_dropout": s.attention.dropout,
        "resid_dropout": s.dropout,
        "embed_dropout": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    theirs, ours = "transformer.h.{i}", "decoder.blocks.{i}"
    inner = {f"attn.attention.{part}_proj": f"attn.{part}" for part in "qkv"}
    outer = {"ln_1": "attn_add.norm", "ln_2": "ff_add.norm", "mlp.c_fc": "ff.up", "mlp.c_proj": "ff.down"}
    return [
        row("transformer.wte.weight", "decoder.embed.token.weight"),
        row("transformer.wpe.weight", "decoder.embed.position.weight"),
        *rows(theirs, ours, {**inner, "attn.attention.out_proj": "attn.o", **outer}),
        row("transformer.ln_f.*", "decoder.norm.*"),
        *(row(f"{theirs}.attn.attention.{mask}") for mask in ("bias", "masked_bias")),
        *after(m, "decoder.embed.token.weight"),
    ]


FAMILY = Family(spec, config, names, prefix="transformer.")
