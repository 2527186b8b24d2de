"""BERT (Devlin et al. 2019) and RoBERTa (Liu et al. 2019): one body, two ways to count positions and to classify.

XLM-RoBERTa (Conneau et al. 2020) and CamemBERT (Martin et al. 2020) are RoBERTa with other pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ..spec import Attention, Classes, FeedForward, Head, Labels, Learned, Model, Norm, Stack, Tokens, Words
from ..weights.names import Row, row, rows
from .config import Config
from .family import Family, column, sizes
from .habits import CAMEMBERT, FAIRSEQ, SLASHES, WORD_PIECES, Habit
from .heads import architecture, labelled, span


def spec(c: Config, *, family: str) -> Model:
    """See Family. RoBERTa counts positions from the padding's id + 1."""
    c.only(position_embedding_type="absolute", is_decoder=False, add_cross_attention=False)
    roberta = family != "bert"
    skipped = c.whole("pad_token_id", 1) + 1 if roberta else 0
    act = c.activation("hidden_act", "gelu")
    encoder = Stack(
        depth=c.count("num_hidden_layers", 12),
        attention=Attention(heads=c.count("num_attention_heads", 12), dropout=c.number("attention_probs_dropout_prob", 0.1)),
        ff=FeedForward(hidden=c.count("intermediate_size", 3072), activation=act),
        norm=Norm(eps=c.number("layer_norm_eps", 1e-12)),
        input=Tokens(vocab=c.count("vocab_size", 50265 if roberta else 30522), segments=c.count("type_vocab_size", 2)),
        position=Learned(length=c.count("max_position_embeddings", 512) - skipped, offset=skipped),
        norm_at="post",
        norm_input=True,
        norm_output=False,
        dropout=c.number("hidden_dropout_prob", 0.1),
    )
    heads = c.head(
        words=Words(tied=c.flag("tie_word_embeddings", True), bias=True, mix="gelu" if roberta else act),
        classes=Classes(labels=c.classes, mix="tanh", several=c.several, quantity=c.quantity),
        labels=Labels(labels=c.classes),
        span=span(),
    )
    return Model(family=family, dim=c.count("hidden_size", 768), encoder=encoder, heads=heads)


def config(m: Model, *, stem: str) -> dict[str, Any]:
    """See Family."""
    s, position = column(m.encoder, Learned)
    padding = {"pad_token_id": position.offset - 1} if position.offset else {}
    return {
        **architecture(stem, m.heads, words="ForMaskedLM"),
        **labelled(m.heads),
        **padding,
        **sizes(s, m.dim),
        "vocab_size": s.tokens.vocab,
        "type_vocab_size": s.tokens.segments,
        "max_position_embeddings": position.length + position.offset,
        "attention_probs_dropout_prob": s.attention.dropout,
        "hidden_dropout_prob": s.dropout,
    }


def names(m: Model, *, prefix: str, heads: Callable[[tuple[Head, ...]], list[Row]]) -> list[Row]:
    """See Family; `heads`: the rows for what stands on top."""
    return [
        *body(prefix, "encoder"),
        *heads(m.heads),
        row("qa_outputs.*", "heads.span.out.*"),
        row("cls.seq_relationship.*"),
        row(f"{prefix}pooler.dense.*"),
    ]


def body(prefix: str, side: str) -> list[Row]:
    """The rows of a column of ours, "encoder" or "decoder", whose names begin with `prefix` there."""
    theirs, ours = f"{prefix}encoder.layer.{{i}}", f"{side}.blocks.{{i}}"
    around = {"word_embeddings": "token", "position_embeddings": "position", "token_type_embeddings": "segment", "LayerNorm": "norm"}
    wide = {"intermediate.dense": "ff.up", "output.dense": "ff.down", "output.LayerNorm": "ff_add.norm"}
    return [
        *rows(f"{prefix}embeddings", f"{side}.embed", around),
        row(f"{prefix}embeddings.position_ids"),
        *rows(theirs, ours, {**looking("attention", "attn"), **wide}),
    ]


def looking(theirs: str, ours: str) -> dict[str, str]:
    """The parts of an attention of a layer."""
    inner = {f"{theirs}.self.{part}": f"{ours}.{part[0]}" for part in ("query", "key", "value")}
    return {**inner, f"{theirs}.output.dense": f"{ours}.o", f"{theirs}.output.LayerNorm": f"{ours}_add.norm"}


def _bert_heads(heads: tuple[Head, ...]) -> list[Row]:
    """BERT reads a text off its pooler; a head that the model does not have is left out."""
    classes = any(isinstance(head, Classes) for head in heads)
    wanted = [row("bert.pooler.dense.*", "heads.classes.mix.*")] * classes
    return [*wanted, row("classifier.*", f"heads.{'classes' if classes else 'labels'}.out.*"), *predicting(heads, "cls.predictions")]


def predicting(heads: tuple[Head, ...], theirs: str, side: str = "encoder") -> list[Row]:
    """The rows of the head that tells words apart, over a column of ours; it may not be there."""
    words = any(isinstance(head, Words) for head in heads)
    return [
        row(f"{theirs}.transform.dense.*", *["heads.lm.mix.*"] * words),
        row(f"{theirs}.transform.LayerNorm.*", *["heads.lm.norm.*"] * words),
        *_words(heads, f"{theirs}.bias", f"{theirs}.decoder", side),
    ]


def _roberta_heads(heads: tuple[Head, ...]) -> list[Row]:
    """RoBERTa has maps of its own for each head."""
    words = any(isinstance(head, Words) for head in heads)
    return [
        row("classifier.dense.*", "heads.classes.mix.*"),
        row("classifier.out_proj.*", "heads.classes.out.*"),
        row("classifier.*", "heads.labels.out.*"),
        row("lm_head.dense.*", *["heads.lm.mix.*"] * words),
        row("lm_head.layer_norm.*", *["heads.lm.norm.*"] * words),
        *_words(heads, "lm_head.bias", "lm_head.decoder"),
    ]


def _words(heads: tuple[Head, ...], bias: str, out: str, side: str = "encoder") -> list[Row]:
    """The output matrix and its bias, which files hold under one name, the other, or both."""
    found = next((head for head in heads if isinstance(head, Words)), None)
    if found is None:
        return [row(bias), row(f"{out}.*")]
    if not found.tied:
        return [row(bias), row(f"{out}.*", "heads.lm.out.*")]
    table = row(f"{out}.weight", f"{side}.embed.token.weight", copy=True)
    return [row(bias, "heads.lm.bias"), row(f"{out}.bias", "heads.lm.bias", copy=True), table]


def _roberta(kind: str, stem: str, habit: Habit) -> Family:
    tensors = partial(names, prefix="roberta.", heads=_roberta_heads)
    return Family(partial(spec, family=kind), partial(config, stem=stem), tensors, "roberta.", habit)


BERT = Family(
    partial(spec, family="bert"), partial(config, stem="Bert"), partial(names, prefix="bert.", heads=_bert_heads), "bert.", WORD_PIECES
)
KIN = {
    "bert": BERT,
    "camembert": _roberta("camembert", "Camembert", replace(SLASHES, first=CAMEMBERT)),
    "roberta": _roberta("roberta", "Roberta", SLASHES),
    "xlm-roberta": _roberta("xlm-roberta", "XLMRoberta", replace(SLASHES, first=FAIRSEQ)),
}
