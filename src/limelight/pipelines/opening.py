"""pipeline("sentiment-analysis"): from an old name to a job that is ready."""

from __future__ import annotations

import re
from typing import Any

import torch

from ..errors import RecipeError, TaskError, did_you_mean
from ..hub import Opened, bundled, open_model
from ..spec import Meeting
from ..tasks import task as our_task
from .kinds import ALIASES, KINDS
from .piped import Pipeline

PAIR = re.compile(r"translation_(\w+)_to_(\w+)")
DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16", "auto": "auto", "None": "auto"}
IDLE: dict[str, tuple[Any, ...]] = {"framework": ("pt",), "use_fast": (True, False), "device_map": ("auto", "cpu"), "model_kwargs": ({},)}
IDLE |= {"trust_remote_code": (False,), "use_safetensors": (True, False)}


def pipeline(task: str | None = None, model: str | None = None, **more: Any) -> Pipeline:
    """A job by its old name ("sentiment-analysis", "ner", "translation_en_to_fr" ...), or by what a model was made for.

    `model`: a bundled name, a folder, or org/name on huggingface.co; by default the one that transformers 4 opened for the job, and for
    a pair of languages that a bundled model translates, that one. `revision`, `device` and `dtype` (or torch_dtype) are as they were;
    other arguments are those of each call. Raises TaskError for a job that is not known, and what opening a model raises.
    """
    place, kind = _device(more.pop("device", None)), more.pop("dtype", more.pop("torch_dtype", None))
    revision, tokenizer = more.pop("revision", None), more.pop("tokenizer", None)
    if tokenizer not in (None, model):
        raise RecipeError(f"a model goes with its own tokenizer: got tokenizer={tokenizer!r:.60}.", "Leave tokenizer out.")
    for name, idle in IDLE.items():
        if (value := more.pop(name, None)) is not None and value not in idle:
            raise RecipeError(f"pipeline: {name}={value!r:.40} is not done here.", "No code of a model's folder is run.")
    name, pair = _named(task)
    if name is None and model is None:
        raise TaskError("a pipeline wants a job, or a model: got neither.", f"Known: {', '.join([*KINDS, *ALIASES])}.")
    default = "" if name is None else KINDS[name].model
    chosen = model or (_bundled(pair) or default)
    exact = "none" if kind is None else "auto"                        # where nothing is asked for, the answers of transformers 4
    opened = open_model(chosen if revision is None else f"{chosen}@{revision}", device=place, dtype=_dtype(kind), quant=exact)
    name = name or _job(opened)
    if KINDS[name].pictures and opened.manifest.pictures is None:
        raise TaskError(f"{name} is about pictures, and {opened.manifest.name} reads none.", "Name a model that reads pictures.")
    name = "text2text-generation" if name == "text-generation" and opened.model.encoder is not None else name
    if name == "translation" and pair and (opened.text.languages or opened.manifest.uses):
        more = {"src_lang": pair[0], "tgt_lang": pair[1], **more}
    return Pipeline(name, KINDS[name], our_task(KINDS[name].task, opened), more)


def set_seed(seed: int) -> None:
    """What is drawn from now on is the same for the same seed (not the same as in transformers, whose dice are others)."""
    torch.manual_seed(seed)


def _named(task: str | None) -> tuple[str | None, tuple[str, str] | None]:
    if task is None:
        return None, None
    if found := PAIR.fullmatch(task):
        return "translation", (found[1], found[2])
    name = ALIASES.get(task, task)
    if name not in KINDS:
        raise TaskError(f'no pipeline "{task}".', did_you_mean(task, [*KINDS, *ALIASES]))
    return name, None


def _job(opened: Opened) -> str:
    """What a model was made for, by its old name. Raises TaskError where there was no such pipeline."""
    m = opened.manifest
    names = [name for name, kind in KINDS.items() if kind.task == m.task and kind.pictures == (m.pictures is not None)]
    if not names:
        raise TaskError(f"no pipeline did what {m.name} is for: {m.task}.", f'Use limelight.task("{m.task}", ...).')
    return names[-1] if any(isinstance(head, Meeting) for head in m.spec.heads) else names[0]


def _bundled(pair: tuple[str, str] | None) -> str | None:
    return name if pair and (name := "-".join(pair)) in bundled() else None


def _device(device: Any) -> str:
    """-1 was the processor, and a number a GPU."""
    if device is None:
        return "auto"
    if isinstance(device, int):
        return "cpu" if device < 0 else f"cuda:{device}"
    return str(device)


def _dtype(kind: Any) -> str:
    name = str(kind).removeprefix("torch.")
    if name not in DTYPES:
        raise RecipeError(f"pipeline: dtype={kind!r} is not known here.", did_you_mean(name, DTYPES))
    return DTYPES[name]

