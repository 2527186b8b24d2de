"""Published folders open by name or path and do a task, through the same door as our own."""

from __future__ import annotations

import json
from pathlib import Path

from published import ALL

from limelight.inputs import Text

SAID = ["The black cat ate the mouse.", "Tom sees a bird. Mary loves an apple."]


def folder(name: str, at: Path, text: Text, **settings: object) -> Path:
    """A published folder: weights and config by transformers, a tokenizer of 41 pieces or fewer beside them."""
    ALL[name].build().save_pretrained(at)
    (at / "tokenizer.json").write_text(text.to_json())
    marks = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    (at / "tokenizer_config.json").write_text(json.dumps(marks))
    if settings:
        (at / "generation_config.json").write_text(json.dumps(settings))
    return at
