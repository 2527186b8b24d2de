"""The weights that all contestants share: random, of a seed, written once to a folder as transformers writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

MARKS = ("<pad>", "<s>", "</s>")
PAD, START, END = range(3)
LOUDER = 3.0                                   # layers say more than the embeddings: else a random model repeats what it has read


@dataclass(frozen=True)
class Shape:
    """A stack on one side: GPT-2, or DistilBERT."""

    vocab: int
    dim: int
    heads: int
    layers: int
    length: int

    @property
    def matrices(self) -> int:
        """Weights of the layers' matrices: four of attention, and two that are four times as wide between."""
        return 12 * self.layers * self.dim**2


GPT2 = Shape(vocab=50257, dim=768, heads=12, layers=12, length=1024)
DISTILBERT = Shape(vocab=30522, dim=768, heads=12, layers=6, length=512)
TINY = Shape(vocab=300, dim=32, heads=4, layers=2, length=64)


@dataclass(frozen=True)
class Causal:
    """A decoder alone, of GPT-2's form or, with `groups` of keys and a `hidden` width, of Llama's."""

    name: str
    shape: Shape
    groups: int | None = None
    hidden: int | None = None


GPT2_CAUSAL = Causal("GPT-2 124M", GPT2)
LLAMA_1B = Causal("Llama-shaped 1B", Shape(vocab=128256, dim=2048, heads=32, layers=16, length=4096), groups=8, hidden=8192)
TINY_GPT2 = Causal("tiny GPT-2", TINY)
TINY_LLAMA = Causal("tiny Llama", TINY, groups=2, hidden=48)


MARKED = {"bos_token_id": START, "eos_token_id": None, "pad_token_id": PAD}       # nothing ends an answer


def causal(kind: Causal, folder: Path) -> Path:
    """A decoder of either form."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = kind.shape
    if kind.groups is None:
        return gpt2(shape, folder)
    config = LlamaConfig(
        vocab_size=shape.vocab,
        hidden_size=shape.dim,
        intermediate_size=kind.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=kind.groups,
        max_position_embeddings=shape.length,
        tie_word_embeddings=True,
        **MARKED,
    )
    return _made(LlamaForCausalLM, config, folder)


def gpt2(shape: Shape, folder: Path) -> Path:
    """A decoder of GPT-2's form, without dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=shape.vocab,
        n_embd=shape.dim,
        n_head=shape.heads,
        n_layer=shape.layers,
        n_positions=shape.length,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        **MARKED,
    )
    return _made(GPT2LMHeadModel, config, folder)


def distilbert(shape: Shape, folder: Path) -> Path:
    """An encoder of DistilBERT's form with a head for two classes."""
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(
        vocab_size=shape.vocab,
        dim=shape.dim,
        n_heads=shape.heads,
        n_layers=shape.layers,
        hidden_dim=4 * shape.dim,
        max_position_embeddings=shape.length,
        num_labels=2,
        pad_token_id=PAD,
    )
    return _made(DistilBertForSequenceClassification, config, folder)


def tokens(vocab: int) -> list[str]:
    """How a token is written: "t17"."""
    return [*MARKS, *(f"t{i}" for i in range(len(MARKS), vocab))]


def words(rows: list[list[int]], vocab: list[str]) -> list[list[str]]:
    """Ids -> tokens."""
    return [[vocab[i] for i in row] for row in rows]


def written(model: Any, folder: Path, vocab: int) -> Path:
    """A model of theirs as a folder, with a tokenizer that every library reads."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    model.save_pretrained(folder)
    told = Tokenizer(models.WordLevel({token: i for i, token in enumerate(tokens(vocab))}, unk_token=MARKS[PAD]))
    told.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    told.save(str(folder / "tokenizer.json"))
    return folder


def _made(kind: Any, config: Any, folder: Path) -> Path:
    from transformers import set_seed

    set_seed(0)
    model = kind(config)
    for name, weight in model.named_parameters():
        if weight.ndim == 2 and not any(table in name for table in ("embeddings", "wte", "wpe")):
            weight.data.mul_(LOUDER)
    return written(model, folder, config.vocab_size)


def random_rows(rows: int, length: int, vocab: int, seed: int = 0) -> list[list[int]]:
    """Rows of random ids, without marks."""
    return torch.randint(len(MARKS), vocab, (rows, length), generator=torch.Generator().manual_seed(seed)).tolist()
