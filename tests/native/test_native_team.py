"""Native work is done by torch's own threads, so that no second pool takes the cores from them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from limelight.native import library
from limelight.native.matrix import Matrix

pytestmark = pytest.mark.skipif(library() is None, reason="there are no native kernels here: limelight env says why")


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def product() -> tuple[Tensor, Tensor]:
    """A native one, and the same of torch."""
    weight, x = torch.randn(256, 192), torch.randn(64, 192)
    return Matrix.of(weight, None, "float32")(x), x @ weight.T


def threads() -> set[str]:
    """Those of this process, by number."""
    return {path.name for path in Path("/proc/self/task").iterdir()}


@pytest.mark.skipif("OpenMP" not in torch.__config__.parallel_info(), reason="torch has other threads here")
def test_no_threads_are_started_beside_those_of_torch() -> None:
    torch.randn(1 << 20).exp().sum()                       # torch's are there from here on
    before = threads()
    for _ in range(3):
        found, wanted = product()
        torch.testing.assert_close(found, wanted)
    assert threads() <= before                             # others' may have ended meanwhile


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_works_too() -> None:
    """Where torch's threads are not, and its runtime would wait for them for ever."""
    product()
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)                            # of torch's own products
        weight, x = torch.randn(256, 192), torch.randn(64, 192)
        packed = Matrix.of(weight, None, "float32")
        torch.set_num_threads(2)
        found = packed(x)
        torch.set_num_threads(1)
        os._exit(0 if torch.allclose(found, x @ weight.T, atol=1e-3) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
