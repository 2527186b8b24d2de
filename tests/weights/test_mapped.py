"""Weights that lie in a mapped file: their memory goes back once they are packed, and what was written to is kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from limelight.nn.packed import Linear, Packed, able, of
from limelight.weights import read_tensors, write_tensors
from limelight.weights.mapped import give_back

SIDE = 1024                              # 4 MiB of float32
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says which pages are there")


@pytest.fixture
def matrix(tmp_path: Path) -> Tensor:
    """A matrix in a mapped file."""
    write_tensors(tmp_path / "m.safetensors", {"m": torch.randn(SIDE, SIDE)})
    return read_tensors(tmp_path / "m.safetensors")[0]["m"]


def resident(tensor: Tensor) -> int:
    """Bytes of the mapping that a tensor lies in, as far as they are in memory."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        where = line.split()[0]
        if "-" in where and not where.endswith(":"):
            first, last = (int(each, 16) for each in where.split("-"))
            inside = first <= tensor.data_ptr() < last
        elif inside and where == "Rss:":
            return int(line.split()[1]) * 1024
    raise AssertionError("the tensor is nowhere")


def gone(tensor: Tensor) -> None:
    """Skips where the kernel does not fulfil the wish."""
    tensor.sum()
    assert resident(tensor) >= tensor.nbytes
    assert give_back(tensor)
    if resident(tensor) > tensor.nbytes // 4:
        pytest.skip("this kernel keeps mapped pages")


@LINUX
def test_giving_back_loses_nothing(matrix: Tensor) -> None:
    before = matrix.clone()
    gone(matrix)
    assert torch.equal(matrix, before)


@LINUX
def test_what_was_written_to_is_kept(matrix: Tensor) -> None:
    gone(matrix)
    matrix[5] = 7.0
    matrix.sum()
    assert give_back(matrix)
    assert bool((matrix[5] == 7.0).all())
    assert not bool((matrix[6] == 7.0).any())


@LINUX
@pytest.mark.skipif(not able(torch.float32), reason="this build of torch has no packed matrices")
def test_a_packed_matrix_does_not_keep_what_it_was_made_of(matrix: Tensor) -> None:
    gone(matrix)
    linear = Linear(SIDE, SIDE)
    linear.load_state_dict({"weight": matrix, "bias": torch.zeros(SIDE)}, assign=True)
    packed, x = Packed(of(linear)), torch.randn(3, SIDE)
    with torch.no_grad():
        found = packed(x)
        assert resident(matrix) < matrix.nbytes // 4
        torch.testing.assert_close(found, x @ matrix.mT, atol=1e-3, rtol=1e-4)


@LINUX
def test_a_part_of_a_turned_matrix_gives_back_its_own_reach(matrix: Tensor) -> None:
    gone(matrix)
    matrix.sum()
    part = matrix.mT[SIDE // 2 :]                                     # strided columns of what lies in the file
    before = part.clone()
    assert give_back(part)
    assert torch.equal(part, before)
    assert give_back(matrix[: SIDE // 2])
    assert resident(matrix) > matrix.nbytes // 4


@pytest.mark.parametrize("made", [lambda: torch.randn(SIDE, SIDE), lambda: torch.randn(4), lambda: torch.empty(0, 4)])
def test_what_lies_in_no_file_stays(made) -> None:
    assert not give_back(made())
