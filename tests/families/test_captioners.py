"""Captioners' config.json: what is not built here is refused in a line, whatever it is that differs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from limelight.errors import WeightError
from limelight.families import FAMILIES, Config
from published import BLIP_TEXT, CLIP_SEEN, SEES, WRITES

BOTH = {"encoder": SEES, "decoder": WRITES}
BLIP = {"text_config": BLIP_TEXT, "vision_config": CLIP_SEEN}


@pytest.mark.parametrize(("kind", "keys", "said"), [
    ("vision-encoder-decoder", {"decoder": WRITES}, '"encoder" is missing'),
    ("vision-encoder-decoder", BOTH | {"decoder": WRITES | {"model_type": "trocr"}}, "decoder: model_type 'trocr' is not built here"),
    ("vision-encoder-decoder", BOTH | {"encoder": SEES | {"model_type": "swin"}}, "encoder: model_type 'swin' is not built here"),
    ("vision-encoder-decoder", BOTH | {"decoder": WRITES | {"cross_attention_hidden_size": 24}}, "cross_attention_hidden_size=24"),
    ("vision-encoder-decoder", BOTH | {"decoder": WRITES | {"add_cross_attention": False}}, "add_cross_attention=False"),
    ("vision-encoder-decoder", BOTH | {"decoder": 3}, "decoder should be a table: got 3"),
    ("blip", BLIP | {"architectures": ["BlipForQuestionAnswering"]}, "'BlipForQuestionAnswering' is not built here"),
    ("blip", BLIP | {"text_config": BLIP_TEXT | {"is_decoder": False}}, "is_decoder=False"),
    ("blip", BLIP | {"vision_config": CLIP_SEEN | {"image_size": [12, 16]}}, "image_size should be a whole number"),
])  # fmt: skip
def test_what_is_not_built_here_is_said(kind: str, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(WeightError) as caught:
        FAMILIES[kind].spec(Config(json.loads(json.dumps(keys))))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_published_captioner_says_of_itself_is_enough() -> None:
    """The keys of nlpconnect/vit-gpt2-image-captioning and Salesforce/blip-image-captioning-base that say something, with their sizes."""
    spec = FAMILIES["vision-encoder-decoder"].spec(Config({
        "architectures": ["VisionEncoderDecoderModel"],
        "decoder": {"model_type": "gpt2", "add_cross_attention": True, "is_decoder": True, "cross_attention_hidden_size": None},
        "encoder": {"model_type": "vit", "encoder_stride": 16, "qkv_bias": True},
    }))  # fmt: skip
    assert (spec.dim, spec.bridge, spec.decoder.cross.heads, spec.encoder.input.slots) == (768, False, 12, 197)
    spec = FAMILIES["blip"].spec(Config({
        "architectures": ["BlipForConditionalGeneration"],
        "text_config": {"model_type": "blip_text_model", "num_attention_heads": 12, "is_decoder": True, "add_cross_attention": False},
        "vision_config": {"model_type": "blip_vision_model"},
    }))  # fmt: skip
    assert (spec.dim, spec.decoder.cross.heads, spec.encoder.input.slots, spec.decoder.tokens.vocab) == (768, 12, 577, 30_524)
