"""From plain torch to ONNX graphs, with lengths and batches left open."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .plain import Reader, Viewer, Writer

ROWS, TOKENS = {0: "rows"}, {0: "rows", 1: "tokens"}


def writer(folder: Path) -> Path:
    """GPT-2's graph: "ids" and "past.0" ... in, "logits" and "grown.0" ... out."""
    model = theirs(folder, "AutoModelForCausalLM")
    count, width = 2 * model.config.n_layer, model.config.n_embd // model.config.n_head
    past = [torch.zeros(2, model.config.n_head, 3, width)] * count
    ins, outs = [f"past.{i}" for i in range(count)], [f"grown.{i}" for i in range(count)]
    open_ends = {"ids": TOKENS, "logits": ROWS}
    open_ends |= {name: {0: "rows", 2: "before" if name in ins else "after"} for name in (*ins, *outs)}
    return _exported(Writer(model), (torch.ones(2, 4, dtype=torch.long), *past), (["ids", *ins], ["logits", *outs]), open_ends, folder)


def reader(folder: Path) -> Path:
    """DistilBERT's graph: "ids" and "keep" in, "logits" out."""
    model = theirs(folder, "AutoModelForSequenceClassification")
    ones = torch.ones(2, 4, dtype=torch.long)
    open_ends = {"ids": TOKENS, "keep": TOKENS, "logits": ROWS}
    return _exported(Reader(model), (ones, ones), (["ids", "keep"], ["logits"]), open_ends, folder)


def viewer(folder: Path) -> Path:
    """ViT's graph: "pictures" in, "logits" out."""
    model = theirs(folder, "AutoModelForImageClassification")
    side = model.config.image_size
    open_ends = {"pictures": ROWS, "logits": ROWS}
    return _exported(Viewer(model), (torch.zeros(2, 3, side, side),), (["pictures"], ["logits"]), open_ends, folder)


def theirs(folder: Path, auto: str) -> Any:
    """transformers' model of the folder, in fp32."""
    import transformers

    return getattr(transformers, auto).from_pretrained(folder, dtype=torch.float32).eval()


def _exported(
    module: nn.Module, given: tuple[Tensor, ...], names: tuple[Sequence[str], Sequence[str]], open_ends: Mapping[str, Any], folder: Path
) -> Path:
    made = folder / "graph.onnx"
    if not made.exists():
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval(), given, str(made), input_names=names[0], output_names=names[1], dynamic_axes=open_ends, dynamo=False
            )
    return made
