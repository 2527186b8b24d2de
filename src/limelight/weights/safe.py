"""safetensors files: numbers and names, never code. The header is bounded before it is believed."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from ..errors import WeightError
from ..files import replaced

MOST_HEADER = 16 << 20
MOST_TENSORS = 50_000


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a file, and its notes. Raises WeightError for a file that is missing, cut short or lying about itself."""
    notes = _header(path)
    try:
        return safetensors.torch.load_file(path), notes
    except (safetensors.SafetensorError, OSError, ValueError) as error:
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
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MOST_HEADER, size - 8):
                raise WeightError(f"{path} is no whole safetensors file: {size:,} bytes, header of {length:,}.", "Get the file again.")
            header = json.loads(file.read(length))
    except OSError as error:
        raise WeightError(f"{path} cannot be read: {error.strerror}.", "Is the folder whole?") from None
    except ValueError:
        raise WeightError(f"{path} has a header that is not JSON.", "The file is damaged: get it again.") from None
    if not isinstance(header, dict) or len(header) > MOST_TENSORS:
        raise WeightError(f"{path} names {len(header):,} tensors; at most {MOST_TENSORS:,} are believed.")
    notes = header.get("__metadata__", {})
    return {str(k): str(v) for k, v in notes.items()} if isinstance(notes, dict) else {}
