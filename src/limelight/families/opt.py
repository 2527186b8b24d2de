"""OPT (Zhang et al. 2022): positions counted from 2; the one of 350 million has its norms after the sums and a narrow table."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, FeedForward, Learned, Model, Norm, Stack, Tokens
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .habits import BEGUN_BY_END
from .heads import after, architecture, causal_heads, labelled


def spec(c: Config) -> Model:
    """See Family."""
    c.only(enable_bias=True, layer_norm_elementwise_affine=True)
    dim = c.count("hidden_size", 768)
    before = c.flag("do_layer_norm_before", True)
    width = c.count("word_embed_proj_dim", dim)
    decoder = Stack(
        depth=c.count("num_hidden_layers", 12),
        attention=Attention(heads=c.count("num_attention_heads", 12), dropout=c.number("attention_dropout", 0.0)),
        ff=FeedForward(hidden=c.count("ffn_dim", 3072), activation=c.activation("activation_function", "relu")),
        input=Tokens(vocab=c.count("vocab_size", 50272), width=None if width == dim else width),
        norm=Norm(),
        position=Learned(length=c.count("max_position_embeddings", 2048), offset=2),
        norm_at="pre" if before else "post",
        norm_output=before and not c.flag("_remove_final_layer_norm", False),
        causal=True,
        dropout=c.number("dropout", 0.1),
    )
    return Model(family="opt", dim=dim, decoder=decoder, heads=causal_heads(c, tied=True))


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.decoder, Learned)
    before = s.norm_at == "pre"
    return {
        **architecture("OPT", m.heads, words="ForCausalLM"),
        **labelled(m.heads),
        "hidden_size": m.dim,
        "num_hidden_layers": s.depth,
        "num_attention_heads": s.attention.heads,
        "ffn_dim": s.ff.hidden,
        "activation_function": PUBLISHED[s.ff.activation],
        "vocab_size": s.tokens.vocab,
        "word_embed_proj_dim": s.tokens.width or m.dim,
        "max_position_embeddings": position.length,
        "do_layer_norm_before": before,
        "_remove_final_layer_norm": before and not s.norm_output,
        "attention_dropout": s.attention.dropout,
        "dropout": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    theirs, ours = "model.decoder.layers.{i}", "decoder.blocks.{i}"
    inner = {f"self_attn.{part}_proj": f"attn.{part}" for part in "qkv"}
    outer = {"self_attn_layer_norm": "attn_add.norm", "fc1": "ff.up", "fc2": "ff.down", "final_layer_norm": "ff_add.norm"}
    return [
        row("model.decoder.embed_tokens.weight", "decoder.embed.token.weight"),
        row("model.decoder.embed_positions.weight", "decoder.embed.position.weight"),
        row("model.decoder.project_in.weight", "decoder.embed.project.weight"),
        row("model.decoder.project_out.weight", "decoder.project.weight"),
        *rows(theirs, ours, {**inner, "self_attn.out_proj": "attn.o", **outer}),
        row("model.decoder.final_layer_norm.*", "decoder.norm.*"),
        *after(m, "decoder.embed.token.weight"),
    ]


FAMILY = Family(spec, config, names, prefix="model.", habit=BEGUN_BY_END)
