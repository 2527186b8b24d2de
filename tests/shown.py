"""Tiny random models that read pictures, in published folders, and pictures for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import tiny

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")

SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24}
LABELS = {0: "cat", 1: "dog", 2: "mouse"}


def picture(number: int, rows: int = 20, columns: int = 30) -> Image.Image:
    """Noise over a colour of its own."""
    dice = np.random.default_rng(number)
    values = dice.integers(0, 256, 3) + dice.normal(0, 40, (rows, columns, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def vit(at: Path, **keys: Any) -> Any:
    """A ViT with three labels -> their model."""
    from published import shaken

    torch.manual_seed(0)
    settings = {**SIZE, "image_size": 12, "patch_size": 4, "id2label": LABELS, "label2id": {v: k for k, v in LABELS.items()}, **keys}
    theirs = shaken(hf.ViTForImageClassification(hf.ViTConfig(**settings)))
    theirs.save_pretrained(at)
    hf.ViTImageProcessorPil(size={"height": 12, "width": 12}).save_pretrained(at)
    return theirs


def clip(at: Path) -> Any:
    """A CLIP that knows the words of the tiny tokenizer -> their model."""
    from published import shaken

    text = tiny.text()
    marks = {"pad_token_id": text.pad, "bos_token_id": text.start, "eos_token_id": text.end}
    torch.manual_seed(0)
    said = {**SIZE, "vocab_size": len(text), "max_position_embeddings": 40, **marks}
    theirs = shaken(hf.CLIPModel(hf.CLIPConfig(
        text_config=said, vision_config={**SIZE, "hidden_size": 24, "image_size": 12, "patch_size": 4}, projection_dim=10,
    )))  # fmt: skip
    theirs.save_pretrained(at)
    hf.CLIPImageProcessorPil(size={"shortest_edge": 12}, crop_size={"height": 12, "width": 12}).save_pretrained(at)
    return spelled(theirs, at)


def captioner(at: Path) -> Any:
    """A ViT with a GPT-2 that knows the pieces of the tiny tokenizer, of which a fifth end a caption -> their model."""
    text = tiny.text()
    writes = {"vocab_size": len(text), "n_embd": 20, "n_layer": 3, "n_head": 4, "n_positions": 40, "is_decoder": True}
    theirs = loud(hf.VisionEncoderDecoderModel(hf.VisionEncoderDecoderConfig(
        encoder={**SIZE, "model_type": "vit", "image_size": 12, "patch_size": 4},
        decoder={**writes, "model_type": "gpt2", "add_cross_attention": True, "bos_token_id": text.start, "eos_token_id": text.end},
    )))  # fmt: skip
    theirs.decoder.transformer.wte.weight.data.mul_(0.4)             # or the last word is said again and again
    ends = [text.end, *range(20, len(text), 5)]
    theirs.generation_config = hf.GenerationConfig(
        decoder_start_token_id=text.start, eos_token_id=ends, pad_token_id=text.pad, max_length=13, num_beams=1
    )
    theirs.save_pretrained(at)
    hf.ViTImageProcessorPil(size={"height": 12, "width": 12}).save_pretrained(at)
    return spelled(theirs, at)


def blip(at: Path) -> Any:
    """A BLIP, whose captions begin with the tiny tokenizer's start mark and end with its end -> their model."""
    text = tiny.text()
    marks = {"pad_token_id": text.pad, "bos_token_id": text.start, "sep_token_id": text.end, "eos_token_id": text.end}
    theirs = loud(hf.BlipForConditionalGeneration(hf.BlipConfig(
        text_config={**SIZE, "vocab_size": len(text), "max_position_embeddings": 40, **marks},
        vision_config={**SIZE, "hidden_size": 24, "image_size": 12, "patch_size": 4},
    )))  # fmt: skip
    theirs.text_decoder.cls.predictions.bias.data[text.end] += 1.5
    theirs.save_pretrained(at)
    hf.BlipImageProcessorPil(size={"height": 12, "width": 12}).save_pretrained(at)
    return spelled(theirs, at)


def loud(theirs: Any) -> Any:
    """With all numbers shaken, by the same dice, and matrices so large that what is said depends on the picture, and on what was said."""
    from published import shaken

    torch.manual_seed(0)
    theirs = shaken(theirs)
    for weight in theirs.parameters():
        if weight.ndim == 2:
            weight.data.mul_(1.4)
    return theirs


def spelled(theirs: Any, at: Path) -> Any:
    """With the tiny tokenizer beside it."""
    (at / "tokenizer.json").write_text(tiny.text().to_json())
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (at / "tokenizer_config.json").write_text(json.dumps(names))
    return theirs


def album(at: Path) -> Path:
    """A folder of four pictures, two files that are none, and one in a folder within."""
    (at / "within").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.jpg", "within/d.webp", "c.PNG")):
        picture(number).save(at / name)
    (at / "broken.png").write_bytes((at / "b.png").read_bytes()[:200])
    (at / "text.gif").write_text("The black cat ate the mouse.")
    (at / "notes.md").write_text("What is in here.")
    (at / ".hidden.png").write_text("no")
    return at
