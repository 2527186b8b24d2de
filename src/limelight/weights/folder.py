"""The tensors of a published checkpoint: one file or several shards, safetensors or torch's older format, and never any code.

What a file claims is compared with its size before memory is asked for. torch's format is read by the reader that knows tensors and
nothing else (`weights_only`), and where that refuses there is no other.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ..errors import WeightError, first_line
from ..files import believed_table, inside
from .safe import MOST_TENSORS, read_tensors
from .zips import check_zip

NAMES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
PARTS = ("encoder.pt", "decoder.pt")     # of one model, each with names of its own
MOST_INDEX = 8 << 20
MOST_SHARDS = 1000


def read_folder(folder: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint's folder, under the names they have there; those of an encoder.pt and a decoder.pt behind "encoder." and
    "decoder.".

    Raises WeightError for a folder without weights, a shard that is missing or outside the folder, and whatever a file may hide.
    """
    found = next((folder / name for name in NAMES if (folder / name).exists()), None)
    if found is None and all((folder / part).exists() for part in PARTS):
        return {f"{Path(part).stem}.{name}": tensor for part in PARTS for name, tensor in read_file(inside(folder, part)).items()}
    if found is None:
        raise WeightError(f"{folder} holds no weights.", f"Wanted is one of {', '.join(NAMES)}.")
    if found.suffix != ".json":
        return read_file(inside(folder, found.name))
    tensors: dict[str, Tensor] = {}
    for shard, names in _shards(found):
        part = read_file(inside(folder, shard))
        if lost := sorted(names - part.keys()):
            some = ", ".join(lost[:3])
            raise WeightError(f"{folder / shard} lacks {len(lost)} tensors that {found.name} names: {some}.", "Get it again.")
        if twice := sorted(tensors.keys() & part.keys()):
            raise WeightError(f"{folder / shard}: {', '.join(twice[:3])} is in two files.", "Is the folder of one model alone?")
        tensors |= part
    return tensors


def _shards(index: Path) -> Iterator[tuple[str, set[str]]]:
    """Each shard with the tensors that it should hold."""
    table = believed_table(index, MOST_INDEX).get("weight_map")
    if not isinstance(table, dict) or not table or not all(isinstance(shard, str) for shard in table.values()):
        raise WeightError(f"{index} has no weight_map of names and files.", "The file is damaged: get it again.")
    shards: dict[str, set[str]] = {}
    for name, shard in table.items():
        shards.setdefault(shard, set()).add(name)
    if len(shards) > MOST_SHARDS:
        raise WeightError(f"{index} names {len(shards):,} files; at most {MOST_SHARDS:,} are believed.", "Get the file again.")
    yield from shards.items()


def read_file(path: Path) -> dict[str, Tensor]:
    """All tensors of one file. Raises WeightError for one that is damaged, or holds anything else."""
    return read_tensors(path)[0] if path.suffix == ".safetensors" else _read_bin(path)


def _read_bin(path: Path) -> dict[str, Tensor]:
    """torch's own format, through the reader that builds tensors and nothing else."""
    if zipped := _is_zip(path):
        check_zip(path, 2 * MOST_TENSORS)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        said = f"{path} holds more than tensors, and is not opened: {first_line(error)}"
        raise WeightError(said, "Ask for safetensors.") from None
    except Exception as error:                                      # a damaged file meets every kind of it
        raise WeightError(f"{path} cannot be read: {first_line(error)}", "The file is damaged: get it again.") from None
    if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in found.items()):
        raise WeightError(f"{path} is no table of names and tensors.", "Is it a checkpoint of a training rather than a model?")
    for name, tensor in found.items():
        here = tensor.layout is torch.strided and tensor.device.type == "cpu"
        if not here or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise WeightError(f"{path}: {name} claims {tensor.numel():,} numbers and holds fewer.", "Do not trust this file.")
    return dict(found)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"
