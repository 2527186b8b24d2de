"""Families: for each published kind what opens, how near it is to transformers, and how fast, out of the suite's own checkpoints.

Parity is measured over every tiny checkpoint of the shared suite (tests/published.py, tests/families/saying.py), with padding on either
side. Speed is that of a random model of middle size, in turns with transformers on the same weights: greedy answers where the kind
writes, else reading.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from limelight.decode import Ending, Greedy, MinLength, generate
from limelight.families import FAMILIES
from limelight.families.config import USES
from limelight.inputs import Batch
from limelight.measure import Turn, alternate, ratios, rounded
from limelight.nn import pack_matrices

from .machine import installed

TESTS = Path(__file__).parents[1] / "tests"
END = 2
HEADS = {"words": "words", "classes": "classes", "labels": "labels", "span": "span", "objects": "objects", "": "none"}
PIECES, BYTES, SENTENCES, NONE = "vocab.txt", "vocab.json + merges.txt", "an .spm or .model file", ""


@dataclass(frozen=True)
class Kind:
    """What is published of a kind, and the tokenizer's files that are read where there is no tokenizer.json."""

    models: str
    files: str


KINDS = {
    "bart": Kind("BART, DistilBART", BYTES),
    "bert": Kind("BERT, multilingual BERT, MiniLM, BioBERT, FinBERT", PIECES),
    "camembert": Kind("CamemBERT", SENTENCES),
    "distilbert": Kind("DistilBERT", PIECES),
    "gpt2": Kind("GPT-2, DistilGPT-2, DialoGPT", BYTES),
    "gpt_neo": Kind("GPT-Neo, TinyStories", BYTES),
    "llama": Kind("Llama 1 to 3.2, TinyLlama, SmolLM 1 and 2", SENTENCES),
    "m2m_100": Kind("M2M100, NLLB", SENTENCES),
    "marian": Kind("OPUS-MT", SENTENCES),
    "mistral": Kind("Mistral 7B", SENTENCES),
    "opt": Kind("OPT, 350m too", BYTES),
    "qwen2": Kind("Qwen2, Qwen2.5", BYTES),
    "qwen3": Kind("Qwen3", BYTES),
    "roberta": Kind("RoBERTa, DistilRoBERTa, BioMed-RoBERTa", BYTES),
    "t5": Kind("T5, T5 1.1, Flan-T5", SENTENCES),
    "xglm": Kind("XGLM", SENTENCES),
    "xlm-roberta": Kind("XLM-RoBERTa", SENTENCES),
    "blip": Kind("BLIP captioning", PIECES),
    "clip": Kind("CLIP", BYTES),
    "deit": Kind("DeiT", NONE),
    "detr": Kind("DETR with ResNet-50 or 101", NONE),
    "vision-encoder-decoder": Kind("ViT or DeiT with GPT-2", BYTES),
    "vit": Kind("ViT", NONE),
    "whisper": Kind("Whisper of every size", BYTES),
    "yolos": Kind("YOLOS", NONE),
}
SENSES = {"frames": "hears", "patches": "sees", "features": "sees"}     # what a model's first column reads -> what it does
PLAINLY = {"clip": "texts beside pictures", "vision-encoder-decoder": "words"}       # kinds whose one class is called Model
APART = ("dallebart",)                        # kinds that transformers has not: held against their equations in a suite of their own

SIZES = {                                     # keys of config.json -> what they are in a model of middle size
    **dict.fromkeys(("vocab_size", "decoder_vocab_size"), 8000),
    **dict.fromkeys(("hidden_size", "dim", "d_model", "n_embd", "word_embed_proj_dim"), 512),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer", "num_layers"), 6),
    **dict.fromkeys(("num_decoder_layers", "encoder_layers", "decoder_layers"), 6),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_heads", "attention_heads"), 8),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads", "num_key_value_heads"), 8),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "n_inner", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 2048),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 512),
    **dict.fromkeys(("window_size", "sliding_window"), 256),
    **dict.fromkeys(("d_kv", "head_dim"), 64),
    "attention_types": [[["global", "local"], 3]],
    "relative_attention_num_buckets": 32,
    "relative_attention_max_distance": 128,
}
WRITERS = ("LMHeadModel", "ForCausalLM", "ForConditionalGeneration", "MTModel")


@dataclass(frozen=True)
class Setting:
    """How much to run: rows at once, tokens in a row, new tokens of an answer; `kinds`: only these, None for all."""

    rows: int
    length: int
    new: int
    rounds: int
    grown: bool
    kinds: tuple[str, ...] | None = None


FULL = Setting(rows=4, length=32, new=16, rounds=5, grown=True)
SMOKE = Setting(rows=2, length=5, new=4, rounds=2, grown=False, kinds=("distilbert", "gpt2", "t5"))


def suite() -> tuple[Any, Any]:
    """The shared suite's table of checkpoints, and what ours and theirs say of a batch."""
    for folder in (TESTS, TESTS / "families"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    return import_module("published"), import_module("saying")


def heads() -> dict[str, list[str]]:
    """Kind -> the heads that the suite runs, in its order."""
    found: dict[str, list[str]] = {kind: [] for kind in sorted(FAMILIES) if kind not in APART}
    for made in suite()[0].ALL.values():
        told = next(what for end, what in USES.items() if end in made.end)         # the first: what it is comes before "WithTeacher"
        head = PLAINLY.get(made.kind, HEADS[told])
        found[made.kind] += [head] if head not in found[made.kind] else []
    return found


def measure(*, smoke: bool = False) -> dict[str, Any]:
    """Every kind -> the JSON of this page, less the machine. Without transformers there is nothing to measure with."""
    s = SMOKE if smoke else FULL
    wanted = {kind: each for kind, each in heads().items() if s.kinds is None or kind in s.kinds} if installed("transformers") else {}
    with tempfile.TemporaryDirectory() as folder:
        kinds = {kind: _kind(kind, each, s, Path(folder)) for kind, each in wanted.items()}
    sizes = {"layers": 6, "width": 512, "hidden": 2048, "vocab": 8000} if s.grown else {}
    return {
        "what": "published kinds of models: parity with transformers over the suite's checkpoints, and speed beside it",
        "setting": {"rows": s.rows, "tokens_in": s.length, "tokens_out": s.new, **sizes},
        "families": kinds,
    }


def _kind(kind: str, heads: list[str], s: Setting, folder: Path) -> dict[str, Any]:
    made = {name: each for name, each in suite()[0].ALL.items() if each.kind == kind}
    both = suite()[0].pair(next(iter(made)), folder)
    sense = SENSES.get(next(iter(both.ours.spec.columns.values())).input.kind)
    if sense or "pictures" in both.ours.spec.columns:                # how fast: see the benchmarks of pictures and of sound
        return {"heads": heads, **_parity(made, folder), "does": sense or "sees"}
    return {"heads": heads, **_parity(made, folder), **_speed(made, s, folder)}


def _parity(made: dict[str, Any], folder: Path) -> dict[str, Any]:
    published, saying = suite()
    worst, tensors = 0.0, 0
    for name in made:
        both = published.pair(name, folder)
        tensors += len(both.file)
        for side in ("right", "left"):
            given = saying.batch(both, side)
            fair = given if saying.fair_to_theirs(both, side) else saying.batch(both)
            ours = saying.real(both, given, saying.ours_says(both, given))
            worst = max(worst, saying.apart(ours, saying.real(both, fair, saying.theirs_says(both, fair))))
    return {"checkpoints": len(made), "tensors": tensors, "apart": rounded(worst)}


def _speed(made: dict[str, Any], s: Setting, folder: Path) -> dict[str, Any]:
    """Tokens a second of the kind's first checkpoint that writes, or of its first, made larger."""
    plain = next((each for each in made.values() if each.end in WRITERS), next(iter(made.values())))
    larger = tuple((key, SIZES.get(key, value)) for key, value in plain.keys) if s.grown else plain.keys
    both = suite()[0].twice(replace(plain, keys=larger), folder / f"{plain.kind}-grown")
    pack_matrices(both.ours)                                                 # as limelight.hub does when it opens a model
    vocab = dict(larger)["vocab_size"]
    given = Batch(torch.randint(3, vocab - 5, (s.rows, s.length), generator=torch.Generator().manual_seed(0)))
    writes = plain.end in WRITERS
    turns = {"limelight": _writing(both, given, s), "transformers": _their_writing(both, given, s)} if writes else _reading(both, given)
    samples = alternate(turns, rounds=s.rounds)
    return {
        "does": "writes" if writes else "reads",
        "parameters": sum(weight.numel() for weight in both.ours.parameters()),
        "results": {name: each.plain("tokens/s") for name, each in samples.items()},
        "limelight_by": ratios(samples["limelight"], samples["transformers"]),
    }


def _writing(both: Any, given: Batch, s: Setting) -> Turn:
    ending, least = Ending(frozenset([END]), s.new), MinLength(length=s.new, end=(END,))
    start = both.config.get("decoder_start_token_id") or 0

    def turn(_: int) -> float:
        found = generate(both.ours, given, Greedy(), ending=ending, start=start, filters=[least])
        return float(sum(len(each[0].tokens) for each in found))

    return turn


def _their_writing(both: Any, given: Batch, s: Setting) -> Turn:
    keep, spec = torch.ones_like(given.values), both.ours.spec
    caches = spec.encoder is None or spec.encoder.depth == spec.decoder.depth        # T5's cache there needs equal depths

    @torch.inference_mode()
    def turn(_: int) -> float:
        both.theirs.generate(
            given.values,
            attention_mask=keep,
            do_sample=False,
            min_new_tokens=s.new,
            max_new_tokens=s.new,
            forced_eos_token_id=None,
            use_cache=caches,
        )
        return float(s.rows * s.new)

    return turn


def _reading(both: Any, given: Batch) -> dict[str, Turn]:
    head = next(iter(both.ours.spec.heads), None)

    def timed(work: Callable[[], Any]) -> Turn:
        @torch.inference_mode()
        def turn(_: int) -> float:
            return float(given.values.numel() * (work() is not None))

        return turn

    def ours() -> Any:
        hidden = both.ours.hidden(given)
        return hidden if head is None else both.ours.logits(hidden, head.name)

    return {"limelight": timed(ours), "transformers": timed(lambda: both.theirs(input_ids=given.values))}
