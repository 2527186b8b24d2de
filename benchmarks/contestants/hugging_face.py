"""transformers: fp32, bf16, and bf16 compiled, with a static cache where it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from limelight.inputs import pad

from . import Contestant, Grows, Hears, Reads, Rows, Standing, Views, Writes
from .folders import PAD, untimed

NEEDS = ("transformers",)
COMPILED = "compiled"                    # minutes, before the first token
FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers, through `generate`."""
    return [
        *_each("transformers {}", lambda kind: _writes(model_of(folder, "AutoModelForCausalLM", kind))),
        Contestant(f"transformers bf16, {COMPILED}, static cache", "bf16", lambda: _compiled_writes(folder), NEEDS),
    ]


def readers(folder: Path) -> list[Contestant[Reads]]:
    """Classifiers of rows."""
    return [
        *_each("transformers {}", lambda kind: reads(model_of(folder, "AutoModelForSequenceClassification", kind))),
        Contestant(f"transformers bf16, {COMPILED}", "bf16", lambda: _compiled_reads(folder), NEEDS),
    ]


def viewers(folder: Path) -> list[Contestant[Views]]:
    """Classifiers of pictures."""
    return [
        *_each("transformers {}", lambda kind: _views(model_of(folder, "AutoModelForImageClassification", kind), kind)),
        Contestant(f"transformers bf16, {COMPILED}", "bf16", lambda: _compiled_views(folder), NEEDS),
    ]


def hearers(folder: Path) -> list[Contestant[Hears]]:
    """Greedy writers of what they hear, through `generate`."""
    return _each("transformers {}", lambda kind: _hears(model_of(folder, "AutoModelForSpeechSeq2Seq", kind), kind))


def growers(folder: Path) -> list[Contestant[Grows]]:
    """Those who go on from a context, with the cache that they have for it."""
    return _each("transformers {}", lambda kind: _grows(model_of(folder, "AutoModelForCausalLM", kind)))


def _each(name: str, opens: Callable[[torch.dtype], Any]) -> list[Contestant[Any]]:
    return [Contestant(name.format(each), each, lambda kind=kind: opens(kind), NEEDS) for each, kind in FORMATS.items()]


def model_of(folder: Path, auto: str, kind: torch.dtype) -> Any:
    """Their model of the folder."""
    import transformers

    return getattr(transformers, auto).from_pretrained(folder, dtype=kind).eval()


def _writes(model: Any, **how: Any) -> Writes:
    @torch.inference_mode()
    def write(prompts: Rows, new: int) -> Rows:
        given = torch.tensor(prompts)
        found = model.generate(given, attention_mask=torch.ones_like(given), do_sample=False, max_new_tokens=new, **how)
        return found[:, given.shape[1] :].tolist()

    return write


def _grows(model: Any) -> Grows:
    @torch.inference_mode()
    def grow(contexts: Rows) -> Standing:
        given = torch.tensor(contexts)
        cache = model(given, use_cache=True, logits_to_keep=1).past_key_values

        @torch.inference_mode()
        def write(new: int) -> None:
            token = given[:, -1:]
            for _ in range(new):
                token = model(token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].argmax(-1, keepdim=True)
            cache.crop(given.shape[1] - cache.get_seq_length())

        return Standing(write, sum(t.nbytes for layer in cache.layers for t in (layer.keys, layer.values)))

    return grow


def _compiled_writes(folder: Path) -> Writes:
    from transformers import CompileConfig

    told = CompileConfig(mode="default", dynamic=False)
    told._compile_all_devices = True                     # else generate compiles on accelerators alone
    write = _writes(model_of(folder, "AutoModelForCausalLM", torch.bfloat16), cache_implementation="static", compile_config=told)
    return _frozen(write)


def reads(model: Any) -> Reads:
    """What a classifier of theirs says."""

    @torch.inference_mode()
    def read(rows: Rows) -> Tensor:
        batch = pad(rows, filler=PAD)
        keep = None if batch.keep is None else batch.keep.long()
        return model(input_ids=batch.values, attention_mask=keep).logits.float()

    return read


def _views(model: Any, kind: torch.dtype) -> Views:
    @torch.inference_mode()
    def view(pictures: Tensor) -> Tensor:
        return model(pixel_values=pictures.to(kind)).logits.float()

    return view


def _compiled_views(folder: Path) -> Views:
    model = model_of(folder, "AutoModelForImageClassification", torch.bfloat16)
    return _frozen(_views(torch.compile(model), torch.bfloat16))


def _hears(model: Any, kind: torch.dtype) -> Hears:
    # the loop of all their models: Whisper's own only adds rules about times and languages, which a random model has not
    from transformers.generation import GenerationMixin

    @torch.inference_mode()
    def hear(frames: Tensor, new: int) -> Rows:
        begun = torch.tensor(untimed(model.config.vocab_size)).expand(len(frames), -1)
        how = {"do_sample": False, "min_new_tokens": new, "max_new_tokens": new, "decoder_input_ids": begun}
        return GenerationMixin.generate(model, inputs=frames.to(kind), **how)[:, begun.shape[1] :].tolist()

    return hear


def _compiled_reads(folder: Path) -> Reads:
    model = model_of(folder, "AutoModelForSequenceClassification", torch.bfloat16)
    return _frozen(reads(torch.compile(model)))


def _frozen(work: Callable[..., Any]) -> Callable[..., Any]:
    """Weights are constants to the compiler, which may lay them out for its products: as one compiles for inference.

    Only weights: what a static cache marks as standing still would be taken for constant, too, and its length with it.
    """
    from torch._inductor import config

    def frozen(*given: Any) -> Any:
        with config.patch(freezing=True), patch("torch._dynamo.mark_static_address", lambda *_, **__: None):
            return work(*given)

    return frozen
