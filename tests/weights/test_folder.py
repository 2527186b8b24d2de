"""Checkpoints in one file or many: read whole, or refused in one line; and no file of them is ever run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from limelight.errors import WeightError
from limelight.weights import read_folder

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4, dtype=torch.bfloat16), "c": torch.zeros(0)}


def shards(folder: Path, kind: str = "safetensors") -> Path:
    """Two files and their index."""
    write: Callable[[dict[str, Tensor], Path], object] = save_file if kind == "safetensors" else torch.save
    stem = "model" if kind == "safetensors" else "pytorch_model"
    write({"a": TENSORS["a"]}, folder / f"{stem}-1.{kind}")
    write({"b": TENSORS["b"], "c": TENSORS["c"]}, folder / f"{stem}-2.{kind}")
    index = folder / f"{stem}.{kind}.index.json"
    index.write_text(json.dumps({"weight_map": {"a": f"{stem}-1.{kind}", "b": f"{stem}-2.{kind}", "c": f"{stem}-2.{kind}"}}))
    return index


def same(found: dict[str, Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def test_one_file(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    assert same(read_folder(tmp_path))


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_several_files(kind: str, tmp_path: Path) -> None:
    shards(tmp_path, kind)
    assert same(read_folder(tmp_path))


@pytest.mark.parametrize("zipped", [True, False])
def test_torchs_own_format_old_and_new(zipped: bool, tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    assert same(read_folder(tmp_path))


def test_a_snapshot_of_the_cache_is_links_to_blobs(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    save_file(TENSORS, blobs / "0123")
    (snapshot / "model.safetensors").symlink_to("../../blobs/0123")
    assert same(read_folder(snapshot))


class Code:
    """What a pickle can carry: a call."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run(zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": TENSORS["a"], "x": Code()}, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightError, match="holds more than tensors, and is not opened") as error:
        read_folder(tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()
