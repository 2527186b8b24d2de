"""GPT-2 and DistilGPT-2 (Radford et al. 2019). Matrices are stored (in, out); queries, keys and values as one."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, FeedForward, Learned, Model, Norm, Stack, Tokens
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .heads import after, architecture, causal_heads, labelled


def spec(c: Config) -> Model:
    """See Family."""
    c.only(add_cross_attention=False)
    return Model(family="gpt2", dim=c.count("n_embd", 768), decoder=writing(c), heads=causal_heads(c, tied=True))


def writing(c: Config) -> Stack:
    """The column that reads tokens and writes the next."""
    c.only(scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    act = c.activation("activation_function", "gelu_new")
    return Stack(
        depth=c.count("n_layer", 12),
        attention=Attention(heads=c.count("n_head", 12), dropout=c.number("attn_pdrop", 0.1)),
        ff=FeedForward(hidden=c.count("n_inner", 4 * c.count("n_embd", 768)), activation=act),
        norm=Norm(eps=c.number("layer_norm_epsilon", 1e-5)),
        input=Tokens(vocab=c.count("vocab_size", 50257)),
        position=Learned(length=c.count("n_positions", 1024)),
        causal=True,
        dropout=c.number("resid_pdrop", 0.1),
    )


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.decoder, Learned)
    return {
        **architecture("GPT2", m.heads, words="LMHeadModel"),
        **labelled(m.heads),
        "n_embd": m.dim,
        "n_layer": s.depth,
        "n_head": s.attention.heads,
        "n_inner": s.ff.hidden,
        "activation_function": PUBLISHED[s.ff.activation],
        "layer_norm_epsilon": s.norm.eps,
        "vocab_size": s.tokens.vocab,
        "n_positions": position.length,
        "attn_pdrop": s.attention.dropout,
        "resid_pdrop": s.dropout,
        "embd_pdrop": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family; those of cross-attention too, for a column that something stands in front of."""
    theirs, ours = "transformer.h.{i}", "decoder.blocks.{i}"
    return [
        row("transformer.wte.weight", "decoder.embed.token.weight"),
        row("transformer.wpe.weight", "decoder.embed.position.weight"),
        *rows(theirs, ours, {"ln_1": "attn_add.norm", "ln_2": "ff_add.norm"}),
        row(f"{theirs}.attn.c_attn.*", *(f"{ours}.attn.{part}.*" for part in "qkv"), turned=True),
        *rows(theirs, ours, {"attn.c_proj": "attn.o", "mlp.c_fc": "ff.up", "mlp.c_proj": "ff.down"}, turned=True),
        row(f"{theirs}.crossattention.c_attn.*", *(f"{ours}.cross.{part}.*" for part in "kv"), turned=True),
        *rows(theirs, ours, {"crossattention.q_attn": "cross.q", "crossattention.c_proj": "cross.o"}, turned=True),
        *rows(theirs, ours, {"ln_cross_attn": "cross_add.norm"}),
        row("transformer.ln_f.*", "decoder.norm.*"),
        *(row(f"{theirs}.{which}.{mask}") for which in ("attn", "crossattention") for mask in ("bias", "masked_bias")),
        *after(m, "decoder.embed.token.weight"),
        row("multiple_choice_head.summary.*"),
    ]


FAMILY = Family(spec, config, names, prefix="transformer.")
