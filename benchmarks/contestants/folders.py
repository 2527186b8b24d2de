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


@dataclass(frozen=True)
class Seer:
    """An encoder of ViT's form."""

    dim: int
    heads: int
    layers: int
    side: int
    square: int

    @property
    def places(self) -> int:
        """Squares, and one that the class is read off."""
        return (self.side // self.square) ** 2 + 1

    @property
    def matrices(self) -> int:
        """As Shape's."""
        return 12 * self.layers * self.dim**2


@dataclass(frozen=True)
class Hearer:
    """An encoder and a decoder of Whisper's form."""

    vocab: int
    dim: int
    heads: int
    layers: int
    mels: int
    frames: int
    length: int


VIT_BASE = Seer(dim=768, heads=12, layers=12, side=224, square=16)
TINY_VIT = Seer(dim=32, heads=4, layers=2, side=16, square=4)
WHISPER_TINY = Hearer(vocab=51_865, dim=384, heads=6, layers=4, mels=80, frames=3000, length=448)
TINY_WHISPER = Hearer(vocab=300, dim=32, heads=4, layers=2, mels=8, frames=100, length=32)


def vit(shape: Seer, folder: Path) -> Path:
    """An encoder of pictures with a head for a thousand classes."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

    config = ViTConfig(
        hidden_size=shape.dim,
        num_attention_heads=shape.heads,
        num_hidden_layers=shape.layers,
        intermediate_size=4 * shape.dim,
        image_size=shape.side,
        patch_size=shape.square,
        num_labels=1000,
    )
    _shouted(ViTForImageClassification, config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": shape.side, "width": shape.side}).save_pretrained(folder)
    return folder


def whisper(shape: Hearer, folder: Path) -> Path:
    """An encoder of sound with a decoder whose answers nothing ends."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=shape.vocab,
        d_model=shape.dim,
        encoder_layers=shape.layers,
        decoder_layers=shape.layers,
        encoder_attention_heads=shape.heads,
        decoder_attention_heads=shape.heads,
        encoder_ffn_dim=4 * shape.dim,
        decoder_ffn_dim=4 * shape.dim,
        num_mel_bins=shape.mels,
        max_source_positions=shape.frames // 2,
        max_target_positions=shape.length,
        decoder_start_token_id=START,
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=PAD,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = _shouted(WhisperForConditionalGeneration, config)
    written(model, folder, shape.vocab)
    WhisperFeatureExtractor(feature_size=shape.mels, chunk_length=shape.frames // 100).save_pretrained(folder)
    return folder


def untimed(vocab: int) -> tuple[int, int]:
    """What an answer of Whisper begins with: its last token stands for its having no times."""
    return START, vocab - 1


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
    return written(_shouted(kind, config), folder, config.vocab_size)


def _shouted(kind: Any, config: Any) -> Any:
    """A random model whose layers say more than its embeddings."""
    from transformers import set_seed

    set_seed(0)
    model = kind(config)
    for name, weight in model.named_parameters():
        if weight.ndim == 2 and not any(table in name for table in ("embed", "wte", "wpe")):
            weight.data.mul_(LOUDER)
    return model


def random_rows(rows: int, length: int, vocab: int, seed: int = 0) -> list[list[int]]:
    """Rows of random ids, without marks."""
    return torch.randint(len(MARKS), vocab, (rows, length), generator=torch.Generator().manual_seed(seed)).tolist()
