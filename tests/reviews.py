"""Small classifiers of reviews: one set by hand, which words move as MOODS says; and random ones, with any labels. As transformers makes
and saves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

IPHONE = "I recently bought this iPhone and the camera is amazing, but the battery drains too fast."
MOODS = {"amazing": 0.9, "great": 0.6, "terrible": -0.9, "awful": -0.6, "drains": -0.4, "fast": -0.2, "##box": 0.3}
REST = "i recently bought this iphone and the camera battery is was , but too . my a phone so price ! ? un ##ing example about good bad"
WORDS = [*MOODS, *REST.split()]
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LABELS = ("NEGATIVE", "POSITIVE")
SIZES: dict[str, dict[str, Any]] = {
    "DistilBert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 40},
    "Bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 40},
    "GPT2": {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_inner": 24, "n_positions": 40},
}


def tokens(stem: str) -> Any:
    """A piece a word, but "unboxing" is three; with marks around a text, but not for GPT-2."""
    masks = stem != "GPT2"
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate([*MARKS, *WORDS])}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    if masks:
        pair, special = "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)]
        tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair=pair, special_tokens=special)
        names |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    tokenizer.add_special_tokens(MARKS if masks else MARKS[:2])
    told = ["input_ids", "attention_mask", *["token_type_ids"] * (stem == "Bert")]
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=told, **names)


def blank(at: Path, stem: str, labels: Sequence[str], **more: Any) -> tuple[Any, Any]:
    """A folder with a model that knows nothing -> the model and its tokenizer, as transformers has them."""
    torch.manual_seed(0)
    named = {"id2label": dict(enumerate(labels)), "label2id": {name: i for i, name in enumerate(labels)}}
    size = {"vocab_size": len(MARKS) + len(WORDS), "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None}
    config = getattr(hf, f"{stem}Config")(**SIZES[stem], **named, **size, **more)
    model, tokenizer = getattr(hf, f"{stem}ForSequenceClassification")(config), tokens(stem)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    model.eval().save_pretrained(at)
    tokenizer.save_pretrained(at)
    return model, tokenizer


def reader(at: Path) -> Path:
    """A DistilBERT in a folder, set by hand, so that it is known what decides: each word has a mood (see MOODS), and the first place reads
    their mean by one head, whose attention is the same for all. The other head looks at full stops, and nothing comes of it.
    """
    model, _ = blank(at, "DistilBert", LABELS)
    body = model.distilbert
    layer = body.transformer.layer[0]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.fill_(float("LayerNorm" in name or "layer_norm" in name) * float(name.endswith("weight")))
        body.embeddings.word_embeddings.weight.copy_(torch.stack([_vector(piece) for piece in (*MARKS, *WORDS)]))
        layer.attention.v_lin.weight[0, 0] = 10.0
        layer.attention.out_lin.weight[[0, 15], 0] = torch.tensor([1.0, -1.0])
        layer.attention.q_lin.bias[8] = 3.0
        layer.attention.k_lin.weight[8, 1] = 3.0
        model.pre_classifier.weight[[0, 1], 0] = torch.tensor([1.0, -1.0])
        model.classifier.weight[[1, 0], [0, 1]] = 4.0
    model.save_pretrained(at)
    return at


def _vector(piece: str) -> torch.Tensor:
    """A vector of one length, whatever the mood, and with mean 0, as a layer norm leaves it."""
    mood = MOODS.get(piece, 0.0)
    out = torch.zeros(16)
    out[0], out[1 if piece == "." else 3] = mood, (1 - mood * mood) ** 0.5
    return out - out.flip(0)
