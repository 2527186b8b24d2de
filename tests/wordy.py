"""Small models over whole words, as transformers makes and saves them: random ones, and ones that have learnt a grammar in which a
word decides what may stand elsewhere.

    the animal did not cross the street because the animal was too tired .
    the animal did not cross the street because the street was too wide .
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

ANIMALS, PLACES = ("animal", "dog", "horse", "cat"), ("street", "road", "river", "bridge")
STATES = {"tired": ANIMALS, "hungry": ANIMALS, "wide": PLACES, "old": PLACES}
SENTENCES = [
    f"the {a} did not cross the {p} because the {a if kind is ANIMALS else p} was too {state} ."
    for a in ANIMALS for p in PLACES for state, kind in STATES.items()
]  # fmt: skip
MORE = ["it", "paris", "is", "apple", "stock", "juicy", "crashed", "##s", "a", "tom", "'", "s", "his", "her", "(", ")", "and"]
SIZE = {"vocab_size": 0, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
SIZE |= {"max_position_embeddings": 40}
BART = {"vocab_size": 0, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "max_position_embeddings": 40}
BART |= {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("attention_heads", 4), ("ffn_dim", 64))}
DISTIL = {"vocab_size": 0, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 40}
GPT2 = {"vocab_size": 0, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 64, "n_positions": 40}
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {                # name -> stem, class, config
    "bert": ("Bert", "BertForMaskedLM", SIZE),
    "distilbert": ("DistilBert", "DistilBertForMaskedLM", DISTIL),
    "roberta": ("Roberta", "RobertaForMaskedLM", SIZE | {"type_vocab_size": 1}),
    "bart": ("Bart", "BartForConditionalGeneration", BART),
    "gpt2": ("GPT2", "GPT2LMHeadModel", GPT2),
    "llama": ("Llama", "LlamaForCausalLM", SIZE | {"num_key_value_heads": 2}),
}
ENOUGH = {"bert": 160, "gpt2": 170}      # steps, in which the grammar is learnt for certain


def word_pieces() -> tuple[Tokenizer, dict[str, str]]:
    """BERT's: a piece a word, with [CLS] and [SEP] around a text."""
    words = dict.fromkeys([word for sentence in SENTENCES for word in sentence.split()] + MORE)
    vocab = {piece: i for i, piece in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words])}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tokenizer, {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def byte_pairs(*, around: bool = True) -> tuple[Tokenizer, dict[str, str]]:
    """RoBERTa's and, without marks around a text, GPT-2's: pieces that carry the space before them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    marks = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=marks, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([*SENTENCES, " ".join(MORE)], trainer)
    if around:
        tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B </s>",
                                                                 special_tokens=[("<s>", 0), ("</s>", 2)])  # fmt: skip
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return tokenizer, names | ({"mask_token": "<mask>"} if around else {})


def tokens(kind: str) -> Any:
    """The tokenizer of a kind of model, as transformers has it."""
    tokenizer, names = word_pieces() if kind in ("bert", "distilbert") else byte_pairs(around=kind in ("roberta", "bart"))
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names)


def made(kind: str, folder: Path, *, learn: int = 0, **more: Any) -> Any:
    """A folder with a random model, or one that has learnt the grammar in so many steps -> their model."""
    stem, name, keys = KINDS[kind]
    text = tokens(kind)
    marks = {"pad_token_id": text.pad_token_id, "bos_token_id": text.bos_token_id, "eos_token_id": text.eos_token_id}
    marks |= {"decoder_start_token_id": text.eos_token_id} if kind == "bart" else {}
    torch.manual_seed(5)
    model = getattr(hf, name)(getattr(hf, f"{stem}Config")(**{**keys, **marks, **more, "vocab_size": len(text)}))
    if learn:
        learned(model, text, learn)
    else:
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight) * 0.15)         # so that no bias and no norm hides at 0 or 1
    model.eval().save_pretrained(folder)
    text.save_pretrained(folder)
    return model


def learned(model: Any, text: Any, steps: int) -> None:
    """The grammar, by guessing one of its nouns with its article (with a mask), or each next word (without)."""
    draw = random.Random(1)
    chooser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(steps):
        ids = torch.tensor([text(sentence)["input_ids"] for sentence in draw.sample(SENTENCES, 16)])
        given, labels = ids.clone(), ids.clone()
        if text.mask_token_id is not None:
            labels.fill_(-100)
            for row in range(len(ids)):
                at = draw.choice((1, 6, 9, 9, 9, 13))                # the first, second and third "the ...", and the state
                width = 1 if at == 13 else 2
                labels[row, at : at + width] = ids[row, at : at + width]
                given[row, at : at + width] = text.mask_token_id
        loss = model(input_ids=given, labels=labels).loss
        chooser.zero_grad()
        loss.backward()
        chooser.step()
