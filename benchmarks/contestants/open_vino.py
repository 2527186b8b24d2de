"""OpenVINO: fp32 and bf16 over the same graphs as ONNX Runtime, with the past kept inside where it writes."""

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

NEEDS = ("openvino", "onnx", "transformers")
FORMATS = {"fp32": "f32", "bf16": "bf16"}


def writers(folder: Path) -> list[Contestant[Writes]]:
    """Greedy writers."""
    return _each(lambda format: _writes(writer(folder), format))


def readers(folder: Path) -> list[Contestant[Reads]]:
    """Classifiers of rows."""
    return _each(lambda format: _reads(reader(folder), format))


def viewers(folder: Path) -> list[Contestant[Views]]:
    """Classifiers of pictures."""
    return _each(lambda format: _views(viewer(folder), format))


def _views(graph: Path, format: str) -> Views:
    import openvino as ov

    request = _compiled(ov.Core().read_model(graph), format).create_infer_request()
    return lambda pictures: torch.from_numpy(request.infer({"pictures": pictures.numpy()})["logits"].copy())


def _each(opens: Callable[[str], Any]) -> list[Contestant[Any]]:
    return [Contestant(f"OpenVINO {name}", name, lambda told=told: opens(told), NEEDS) for name, told in FORMATS.items()]


def _compiled(model: Any, format: str) -> Any:
    import openvino as ov

    how = {"INFERENCE_PRECISION_HINT": format, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    return ov.Core().compile_model(model, "CPU", {**how, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})


def _writes(graph: Path, format: str) -> Writes:
    import openvino as ov
    from openvino.passes import MakeStateful, Manager

    made: dict[int, Any] = {}

    def for_rows(rows: int) -> Any:
        """A request for so many rows: the past begins empty, and has to know how many rows it is of."""
        model = ov.Core().read_model(graph)
        pasts = [each.any_name for each in model.inputs if each.any_name.startswith("past.")]
        shapes = {"ids": ov.PartialShape([rows, -1])}
        shapes |= {name: ov.PartialShape([rows, *list(model.input(name).partial_shape)[1:]]) for name in pasts}
        model.reshape(shapes)
        passes = Manager()
        passes.register_pass(MakeStateful({name: name.replace("past", "grown") for name in pasts}))
        passes.run_passes(model)
        return _compiled(model, format).create_infer_request()

    def write(prompts: Rows, new: int) -> Rows:
        if len(prompts) not in made:
            made[len(prompts)] = for_rows(len(prompts))
        request = made[len(prompts)]
        request.reset_state()
        ids, said = np.array(prompts, np.int64), []
        for _ in range(new):
            ids = request.infer({"ids": ids})["logits"].argmax(-1)[:, None]
            said.append(ids)
        return np.concatenate(said, 1).tolist()

    return write


def _reads(graph: Path, format: str) -> Reads:
    import openvino as ov

    request = _compiled(ov.Core().read_model(graph), format).create_infer_request()

    def read(rows: Rows) -> Tensor:
        batch = pad(rows)
        keep = torch.ones_like(batch.values) if batch.keep is None else batch.keep.long()
        return torch.from_numpy(request.infer({"ids": batch.values.numpy(), "keep": keep.numpy()})["logits"].copy())

    return read
