"""A tiny random Whisper as transformers saves it, with a tokenizer that has its marks; and sounds for it.

Import it inside fixtures and tests only, see tiny.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer

import tiny
from published import hf, shaken

RATE, STEPS = 16_000, 50                 # a stretch is one second: 100 frames, 50 vectors, 50 steps of time
MARKS = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|fr|>", "<|de|>", "<|translate|>", "<|transcribe|>", "<|startofprev|>"]
MARKS += ["<|nospeech|>", "<|notimestamps|>"]
HEADS = [[1, 0], [1, 3], [2, 2]]


def folder(at: Path, *, louder: float = 3.0, seed: int = 0, **settings: Any) -> Any:
    """A published folder -> their model. `louder`: how much larger its matrices are, so that what is heard matters."""
    tokenizer = Tokenizer.from_str(tiny.text().to_json())
    begin = tokenizer.get_vocab_size()
    tokenizer.add_special_tokens(MARKS)
    tokenizer.add_tokens([AddedToken(f"<|{step * 0.02:.2f}|>", normalized=False) for step in range(STEPS + 1)])
    ids = {name: tokenizer.token_to_id(name) for name in MARKS}
    end = ids["<|endoftext|>"]
    torch.manual_seed(seed)
    sides = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in (("attention_heads", 4), ("ffn_dim", 24), ("layers", 3))}
    marks = {"pad_token_id": end, "bos_token_id": end, "eos_token_id": end, "decoder_start_token_id": ids["<|startoftranscript|>"]}
    size = {"vocab_size": len(ids) + begin + STEPS + 1, "d_model": 16, "num_mel_bins": 80}
    config = hf.WhisperConfig(**sides, **marks, **size, max_source_positions=STEPS, max_target_positions=40)
    theirs = shaken(hf.WhisperForConditionalGeneration(config))
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            if weight.ndim > 1 and "embed_positions" not in name:
                weight.mul_(louder)
    asked = {
        **marks,
        "lang_to_id": {name: ids[name] for name in MARKS[2:5]},
        "task_to_id": {name: ids[f"<|{name}|>"] for name in ("translate", "transcribe")},
        "no_timestamps_token_id": ids["<|notimestamps|>"],
        "max_initial_timestamp_index": 10,
        "alignment_heads": HEADS,
        "is_multilingual": True,
        "suppress_tokens": [0, 1, 2, *(ids[name] for name in MARKS[1:-1])],
        "begin_suppress_tokens": [end, 10],
        "max_length": 40,
        "return_timestamps": False,
    }
    theirs.generation_config = hf.GenerationConfig(**{**asked, **settings})
    theirs.save_pretrained(at)
    hf.WhisperFeatureExtractor(chunk_length=1).save_pretrained(at)
    tokenizer.save(str(at / "tokenizer.json"))
    named = {"pad_token": MARKS[0], "bos_token": MARKS[0], "eos_token": MARKS[0], "tokenizer_class": "PreTrainedTokenizerFast"}
    (at / "tokenizer_config.json").write_text(json.dumps(named))
    return theirs


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Notes of a tenth of a second each, and a little noise."""
    dice = np.random.default_rng(seed)
    at = np.arange(round(seconds * RATE)) / RATE
    notes = dice.uniform(100, 3000, int(seconds * 10) + 1)[(at * 10).astype(int)]
    return (0.3 * np.sin(2 * np.pi * notes * at) + 0.01 * dice.normal(size=len(at))).astype(np.float32)
