"""safetensors files: numbers and names, never code. The header is bounded before it is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from ..errors import WeightError
from ..files import replaced

MOST_HEADER = 8 << 20
MOST_TENSORS = 20_000                    # the largest models here have two thousand, twice that where packed
MOST_BRACKETS = 4 * MOST_TENSORS         # a tensor has three; what comes of a header is known before it is parsed


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a file, and its notes. Raises WeightError for a file that is missing, cut short or lying about itself."""
    notes = _header(path)
    try:
        return safetensors.torch.load_file(path), notes
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:   # the last two: a kind torch lacks
        raise WeightError(f"{path} cannot be read: {str(error)[:160]}", "The file is damaged: get it again.") from None


def write_tensors(path: Path, tensors: dict[str, Tensor], notes: dict[str, str] | None = None) -> None:
    """Write a file whole or not at all. Raises InputError where it cannot be written."""
    data = safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, notes)
    with replaced(path) as draft:
        draft.write_bytes(data)


def _header(path: Path) -> dict[str, str]:
    """The notes of the file, once its header has been found sound in size."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise WeightError(f"{path} is not a file.", "Is the folder whole?")     # a pipe would be waited for
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MOST_HEADER, size - 8):
                raise WeightError(f"{path} is no whole safetensors file: {size:,} bytes, header of {length:,}.", "Get the file again.")
            raw = file.read(length)
    except OSError as error:
        raise WeightError(f"{path} cannot be read: {error.strerror}.", "Is the folder whole?") from None
    header = _parsed(path, raw)
    if not isinstance(header, dict):
        raise WeightError(f"{path} has a header that is no table of tensors.", "The file is damaged: get it again.")
    notes = header.get("__metadata__", {})
    return {str(k): str(v) for k, v in notes.items()} if isinstance(notes, dict) else {}


def _parsed(path: Path, raw: bytes) -> Any:
    named, brackets = raw.count(b'"data_offsets"'), raw.count(b"{") + raw.count(b"[")
    if named > MOST_TENSORS:
        raise WeightError(f"{path} names {named:,} tensors; at most {MOST_TENSORS:,} are believed.", "Get the file again.")
    if brackets > MOST_BRACKETS:
        raise WeightError(f"{path} has a header of {brackets:,} parts, too many for {MOST_TENSORS:,} tensors.", "Get the file again.")

    def once(items: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(items)
        if len(table) < len(items):
            raise WeightError(f"{path} names a tensor twice.", "The file is damaged: get it again.")
        return table

    try:
        return json.loads(raw, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise WeightError(f"{path} has a header that is not JSON.", "The file is damaged: get it again.") from None
