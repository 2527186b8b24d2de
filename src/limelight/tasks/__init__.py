"""Tasks: what a model is for, in one line each, with a Result for each."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import TaskError, did_you_mean

if TYPE_CHECKING:
    from ..hub import Opened
    from .align import Align
    from .answer import Answer
    from .caption import Caption
    from .chat import Chat
    from .classify import Classify
    from .detect import Detect
    from .draw import Draw
    from .embed import Embed
    from .extract import Extract
    from .fill import Fill
    from .generate import Generate
    from .resolve import Resolve
    from .sense import Sense
    from .summarize import Summarize
    from .transcribe import Transcribe
    from .translate import Translate

    Given = str | Path | Opened

# name -> module, class; loaded when it is asked for
NAMES = ("translate", "align", "summarize", "generate", "chat", "classify", "answer", "extract", "fill", "embed", "sense", "resolve")
NAMES += ("caption", "transcribe", "detect", "draw")
TASKS = {name: (name, name.capitalize()) for name in NAMES}


@overload
def task(name: Literal["translate"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Translate: ...
@overload
def task(name: Literal["align"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Align: ...
@overload
def task(name: Literal["summarize"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Summarize: ...
@overload
def task(name: Literal["generate"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Generate: ...
@overload
def task(name: Literal["chat"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Chat: ...
@overload
def task(name: Literal["classify"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Classify: ...
@overload
def task(name: Literal["answer"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Answer: ...
@overload
def task(name: Literal["extract"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Extract: ...
@overload
def task(name: Literal["fill"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Fill: ...
@overload
def task(name: Literal["embed"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Embed: ...
@overload
def task(name: Literal["sense"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Sense: ...
@overload
def task(name: Literal["resolve"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Resolve: ...
@overload
def task(name: Literal["caption"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Caption: ...
@overload
def task(name: Literal["transcribe"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Transcribe: ...
@overload
def task(name: Literal["detect"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Detect: ...
@overload
def task(name: Literal["draw"], model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Draw: ...
@overload
def task(name: str, model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Any: ...
def task(name: str, model: Given, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Any:
    """A task over a model, ready to be called; `model` is a bundled name ("en-fr"), a folder, org/name, or a model that is open.

    `device`: "auto", "cpu", "cuda:0" ...; `dtype`: "auto", "fp32", "bf16" or "fp16"; `quant`: "auto", "none", "int8" or "int4". Where
    both are "auto", a CPU with native kernels multiplies in int8; dtype "fp32" is the exact reference (see hub.open_model).
    Raises TaskError for a task or model that is not known, or a model that was made for another task; WeightError for a folder
    that is not whole; DeviceError for a device that is not there.
    """
    if name not in TASKS:
        raise TaskError(f'no task "{name}".', did_you_mean(name, TASKS))
    from ..hub import Opened, open_model

    module, kind = TASKS[name]
    opened = model if isinstance(model, Opened) else open_model(model, device=device, dtype=dtype, quant=quant)
    return getattr(import_module(f"{__name__}.{module}"), kind)(opened)
