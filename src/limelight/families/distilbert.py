"""DistilBERT (Sanh et al. 2019): half of BERT's layers, no segments, and another map before its classes."""

from __future__ import annotations

from typing import Any

from ..spec import Attention, Classes, FeedForward, Labels, Learned, Model, Norm, Stack, Tokens, Words
from ..weights.names import Row, row, rows
from .config import PUBLISHED, Config
from .family import Family, column
from .habits import WORD_PIECES
from .heads import architecture, labelled, span


def spec(c: Config) -> Model:
    """See Family."""
    act = c.activation("activation", "gelu")
    encoder = Stack(
        depth=c.count("n_layers", 6),
        attention=Attention(heads=c.count("n_heads", 12), dropout=c.number("attention_dropout", 0.1)),
        ff=FeedForward(hidden=c.count("hidden_dim", 3072), activation=act),
        norm=Norm(eps=1e-12),
        input=Tokens(vocab=c.count("vocab_size", 30522)),
        position=Learned(length=c.count("max_position_embeddings", 512)),
        norm_at="post",
        norm_input=True,
        norm_output=False,
        dropout=c.number("dropout", 0.1),
    )
    heads = c.head(
        words=Words(tied=c.flag("tie_word_embeddings", True), bias=True, mix=act),
        classes=Classes(labels=c.classes, mix="relu", several=c.several, quantity=c.quantity),
        labels=Labels(labels=c.classes),
        span=span(),
    )
    return Model(family="distilbert", dim=c.count("dim", 768), encoder=encoder, heads=heads)


def config(m: Model) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.encoder, Learned)
    return {
        **architecture("DistilBert", m.heads, words="ForMaskedLM"),
        **labelled(m.heads),
        "dim": m.dim,
        "n_layers": s.depth,
        "n_heads": s.attention.heads,
        "hidden_dim": s.ff.hidden,
        "activation": PUBLISHED[s.ff.activation],
        "vocab_size": s.tokens.vocab,
        "max_position_embeddings": position.length,
        "attention_dropout": s.attention.dropout,
        "dropout": s.dropout,
    }


def names(m: Model) -> list[Row]:
    """See Family."""
    theirs, ours = "distilbert.transformer.layer.{i}", "encoder.blocks.{i}"
    inner = {f"attention.{part}_lin": f"attn.{part}" for part in "qkv"} | {"attention.out_lin": "attn.o"}
    outer = {"sa_layer_norm": "attn_add.norm", "ffn.lin1": "ff.up", "ffn.lin2": "ff.down", "output_layer_norm": "ff_add.norm"}
    words = next((head for head in m.heads if isinstance(head, Words)), None)
    classes = any(isinstance(head, Classes) for head in m.heads)
    around = {"word_embeddings": "token", "position_embeddings": "position", "LayerNorm": "norm"}
    table = "encoder.embed.token.weight"
    return [
        *rows("distilbert.embeddings", "encoder.embed", around),
        row("distilbert.embeddings.position_ids"),
        *rows(theirs, ours, {**inner, **outer}),
        row("pre_classifier.*", *["heads.classes.mix.*"] * classes),
        row("classifier.*", f"heads.{'classes' if classes else 'labels'}.out.*"),
        row("qa_outputs.*", "heads.span.out.*"),
        row("vocab_transform.*", *["heads.lm.mix.*"] * (words is not None)),
        row("vocab_layer_norm.*", *["heads.lm.norm.*"] * (words is not None)),
        *(
            [row("vocab_projector.*")]
            if words is None
            else [row("vocab_projector.weight", table, copy=True), row("vocab_projector.bias", "heads.lm.bias")]
            if words.tied
            else [row("vocab_projector.*", "heads.lm.out.*")]
        ),
    ]


FAMILY = Family(spec, config, names, prefix="distilbert.", habit=WORD_PIECES)
