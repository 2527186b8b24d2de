"""ONNX Runtime: fp32, and int8 with weights by channel and activations as they come, over a graph that is exported once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limelight.inputs import pad

from . import Contestant, Reads, Rows, Views, Writes
from .exporting import reader, viewer, writer

NEEDS = ("onnxruntime", "onnx", "transformers")


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers: the graph's own past goes from step to step without a copy."""
    return _each(lambda bits: _writes(_session(writer(folder), bits)))


def readers(folder: Path) -> list[Contestant[Reads]]:
    """Classifiers of rows."""
    return _each(lambda bits: _reads(_session(reader(folder), bits)))


def viewers(folder: Path) -> list[Contestant[Views]]:
    """Classifiers of pictures."""
    return _each(lambda bits: _views(_session(viewer(folder), bits)))


def _views(session: Any) -> Views:
    return lambda pictures: torch.from_numpy(session.run(None, {"pictures": pictures.numpy()})[0])


def _each(opens: Callable[[str], Any]) -> list[Contestant[Any]]:
    return [Contestant(f"ONNX Runtime {bits}", bits, lambda bits=bits: opens(bits), NEEDS) for bits in ("fp32", "int8")]


def _session(graph: Path, bits: str) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    return ort.InferenceSession(str(graph if bits == "fp32" else _int8(graph)), options, providers=["CPUExecutionProvider"])


def _int8(graph: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = graph.with_suffix(".int8.onnx")
    if not made.exists():
        quantize_dynamic(graph, made, per_channel=True, weight_type=QuantType.QInt8, extra_options={"MatMulConstBOnly": True})
    return made


def _writes(session: Any) -> Writes:
    import onnxruntime as ort

    pasts = session.get_inputs()[1:]
    heads, width = pasts[0].shape[1], pasts[0].shape[3]
    outs = [each.name for each in session.get_outputs()]

    def write(prompts: Rows, new: int) -> Rows:
        empty = np.zeros((len(prompts), heads, 0, width), np.float32)
        past = [ort.OrtValue.ortvalue_from_numpy(empty) for _ in pasts]
        ids, said = np.array(prompts, np.int64), []
        for _ in range(new):
            given = dict(zip((each.name for each in pasts), past, strict=True)) | {"ids": ort.OrtValue.ortvalue_from_numpy(ids)}
            logits, *past = session.run_with_ort_values(outs, given)
            ids = logits.numpy().argmax(-1)[:, None]
            said.append(ids)
        return np.concatenate(said, 1).tolist()

    return write


def _reads(session: Any) -> Reads:
    def read(rows: Rows) -> Tensor:
        batch = pad(rows)
        keep = torch.ones_like(batch.values) if batch.keep is None else batch.keep.long()
        return torch.from_numpy(session.run(None, {"ids": batch.values.numpy(), "keep": keep.numpy()})[0])

    return read
