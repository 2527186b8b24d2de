"""ONNX Runtime: fp32, and int8 with weights by channel and activations as they come, over a graph that is exported once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limelight.inputs import pad

from . import Contestant, Grows, Reads, Rows, Standing, Views, Writes
from .exporting import reader, viewer, writer

PIECE = 512                              # tokens of a context at once: its graph makes all scores of a piece
NEEDS = ("onnxruntime", "onnx", "transformers")


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers: the graph's own past goes from step to step without a copy."""
    return _each(lambda bits: _writes(_session(writer(folder), bits)))


def growers(folder: Path) -> list[Contestant[Grows]]:
    """Those who go on from a context: its past is given again and again."""
    return _each(lambda bits: _grows(_session(writer(folder), bits)))


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
    step, start = _stepper(session)

    def write(prompts: Rows, new: int) -> Rows:
        past, ids, said = start(len(prompts)), np.array(prompts, np.int64), []
        for _ in range(new):
            ids, past = step(ids, past)
            said.append(ids)
        return np.concatenate(said, 1).tolist()

    return write


def _grows(session: Any) -> Grows:
    step, start = _stepper(session)

    def grow(contexts: Rows) -> Standing:
        given, read = np.array(contexts, np.int64), start(len(contexts))
        for at in range(0, given.shape[1], PIECE):
            _, read = step(given[:, at : at + PIECE], read)

        def write(new: int) -> None:
            ids, past = given[:, -1:], read
            for _ in range(new):
                ids, past = step(ids, past)

        return Standing(write, sum(4 * int(np.prod(each.shape())) for each in read))

    return grow


def _stepper(session: Any) -> tuple[Callable[[Any, list[Any]], tuple[Any, list[Any]]], Callable[[int], list[Any]]]:
    """(ids (b n), past -> the next ids (b 1), past; rows -> a past with nothing in it)."""
    import onnxruntime as ort

    pasts = session.get_inputs()[1:]
    heads, width = pasts[0].shape[1], pasts[0].shape[3]
    outs = [each.name for each in session.get_outputs()]

    def start(rows: int) -> list[Any]:
        empty = np.zeros((rows, heads, 0, width), np.float32)
        return [ort.OrtValue.ortvalue_from_numpy(empty) for _ in pasts]

    def step(ids: Any, past: list[Any]) -> tuple[Any, list[Any]]:
        given = dict(zip((each.name for each in pasts), past, strict=True)) | {"ids": ort.OrtValue.ortvalue_from_numpy(ids)}
        logits, *past = session.run_with_ort_values(outs, given)
        return logits.numpy().argmax(-1)[:, None], past

    return step, start


def _reads(session: Any) -> Reads:
    def read(rows: Rows) -> Tensor:
        batch = pad(rows)
        keep = torch.ones_like(batch.values) if batch.keep is None else batch.keep.long()
        return torch.from_numpy(session.run(None, {"ids": batch.values.numpy(), "keep": keep.numpy()})[0])

    return read
