"""Small models that point at words: random ones of several kinds, and a BERT whose weights are set by hand, so that it knows certain
words wherever they stand. As transformers makes and saves them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

TOLD = "the patient party of agreement signed by in may was given under notice shall be days clause and for on with no sign"
WORDS = TOLD.split()
NAMES = ["jane", "van", "der", "berg", "zebulon", "quartermaine", "amoxicillin", "limoges"]
SIGNS = [".", ",", "?", "'", "-", "(", ")", ";"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TAGS = ("O", "B-PER", "I-PER", "B-DRUG", "I-DRUG")
SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24, "max_position_embeddings": 64}
BART = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 64}
BART |= {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("attention_heads", 4), ("ffn_dim", 24))}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", SIZE),
    "distilbert": ("DistilBert", {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24, "max_position_embeddings": 64}),
    "roberta": ("Roberta", SIZE | {"type_vocab_size": 1}),
    "gpt2": ("GPT2", {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_inner": 24, "n_positions": 64}),
    "bart": ("Bart", BART),
}


def word_pieces() -> Any:
    """BERT's: known words are a piece, others one a letter."""
    vocab = [*MARKS, *SIGNS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *(w for w in (*WORDS, *NAMES) if len(w) > 1)]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocab)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(MARKS)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def byte_pairs(*, around: bool) -> Any:
    """RoBERTa's and, without marks around a text, GPT-2's: pieces that carry the space before them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "<pad>", "</s>"], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    if around:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
        names |= {"cls_token": "<s>", "sep_token": "</s>"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


def tokens(kind: str) -> Any:
    """The tokenizer of a kind of model, as transformers has it."""
    return word_pieces() if kind in ("bert", "distilbert") else byte_pairs(around=kind in ("roberta", "bart"))


def made(kind: str, end: str, at: Path, labels: Sequence[str] = TAGS, **more: Any) -> tuple[Any, Any]:
    """A folder with a random model, whose labels differ from token to token -> the model and its tokenizer."""
    stem, size = KINDS[kind]
    text = tokens(kind)
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    marks = {"pad_token_id": text.pad_token_id, "bos_token_id": text.bos_token_id, "eos_token_id": text.eos_token_id}
    torch.manual_seed(3)
    model = getattr(hf, f"{stem}{end}")(getattr(hf, f"{stem}Config")(**{**size, **marks, **named, "vocab_size": len(text), **more}))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.add_(torch.randn_like(weight) * (1.0 if name.startswith(("classifier", "qa_outputs", "score")) else 0.2))
    model.eval().save_pretrained(at)
    text.save_pretrained(at)
    return model, text


def text(draw: random.Random, words: int) -> str:
    """Known words and unknown, with signs behind some of them."""
    out = []
    for _ in range(words):
        word = draw.choice([*WORDS, *NAMES, "".join(draw.choices(LETTERS, k=draw.randint(1, 5)))])
        out.append(draw.choice([word, word.capitalize(), word]) + draw.choice(["", "", "", "", *SIGNS]))
    return " ".join(out)


def knowing(
    at: Path, end: str, scores: Mapping[str, Sequence[float]], labels: Sequence[str], *, room: int = 512, loud: float = 8.0
) -> Path:
    """A folder with a BERT of one layer that passes words through as they are, without regard to where they stand. `scores`: by
    word (or mark), by how much each label is for it; 0 for all where a word has none."""
    vocab = tokens("bert")
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 4, "max_position_embeddings": room}
    model = getattr(hf, f"Bert{end}")(hf.BertConfig(**size, **named, vocab_size=len(vocab))).eval()
    head = model.qa_outputs if end == "ForQuestionAnswering" else model.classifier
    body = model.bert
    with torch.no_grad():
        for weight in (body.embeddings.position_embeddings.weight, body.embeddings.token_type_embeddings.weight, head.weight, head.bias):
            weight.zero_()
        for layer in body.encoder.layer:
            for part in (layer.attention.output.dense, layer.output.dense):
                part.weight.zero_()
                part.bias.zero_()
        table = body.embeddings.word_embeddings.weight
        table[:, : len(labels)] = 0.0
        head.weight[:, : len(labels)] = loud * torch.eye(len(labels))
        for word, each in scores.items():
            row = table[vocab.convert_tokens_to_ids(word)]
            row.zero_()
            row[: len(labels)] = torch.tensor(each)
            row[len(labels) :: 2] = 0.01                              # a norm looks at the rest, too
    model.save_pretrained(at)
    vocab.save_pretrained(at)
    return at


def knowing_names(at: Path, **how: Any) -> Path:
    """One that knows Jane van der Berg and amoxicillin."""
    other, begins, inside, drug = ([float(n == at) for n in range(len(TAGS))] for at in range(4))
    rest = dict.fromkeys([*(word for word in WORDS if len(word) > 1), *SIGNS, *LETTERS], other)
    names = {"jane": begins, "van": inside, "der": inside, "berg": inside, "amoxicillin": drug}
    return knowing(at, "ForTokenClassification", rest | names, TAGS, **how)


def document(draw: random.Random, words: int, planted: str, place: int) -> str:
    """So many words, sentence after sentence, with something planted before word number `place`."""
    told = [draw.choice(WORDS) + ("." if n % 17 == 16 else "") for n in range(words)]
    return " ".join([*told[:place], planted, *told[place:]])
