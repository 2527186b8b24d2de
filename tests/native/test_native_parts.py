"""Threads, norms, exponentials and bfloat16, called by themselves through trial.cpp."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor


@pytest.fixture(scope="module")
def trial(compiled: Callable[..., ctypes.CDLL]) -> ctypes.CDLL:
    return compiled(Path(__file__).parent / "trial.cpp", units=("pool",))


def at(x: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if x is None else x.data_ptr())


def long(n: int) -> ctypes.c_int64:
    return ctypes.c_int64(n)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_no_thread_passes_a_barrier_early(trial: ctypes.CDLL, threads: int) -> None:
    numbers = torch.zeros(2, 64, dtype=torch.int64)
    for _ in range(30):                                             # many short calls, and every barrier of each
        numbers.zero_()
        assert trial.trial_barriers(threads, 41, at(numbers)) == threads
        assert numbers[1, :threads].tolist() == [41] * threads


def test_calls_of_more_and_fewer_threads_follow_each_other(trial: ctypes.CDLL) -> None:
    numbers = torch.zeros(2, 64, dtype=torch.int64)
    for call in range(300):
        threads = (1, 4, 2, 1, 3)[call % 5]
        numbers.zero_()
        trial.trial_barriers(threads, 3, at(numbers))
        assert numbers[1, :threads].tolist() == [3] * threads


def test_calls_from_several_threads_wait_for_each_other(trial: ctypes.CDLL) -> None:
    wrong = []

    def call() -> None:
        numbers = torch.zeros(2, 64, dtype=torch.int64)
        for _ in range(50):
            numbers.zero_()
            trial.trial_barriers(2, 5, at(numbers))
            if numbers[1, :2].tolist() != [5, 5]:
                wrong.append(numbers[1, :2].tolist())

    callers = [threading.Thread(target=call) for _ in range(3)]
    for each in callers:
        each.start()
    for each in callers:
        each.join()
    assert wrong == []


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_piece_is_taken_once_a_round(trial: ctypes.CDLL, threads: int) -> None:
    taken = torch.zeros(50, dtype=torch.int32)
    trial.trial_take(threads, 7, long(50), at(taken))
    assert taken.tolist() == [7] * 50


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own(trial: ctypes.CDLL) -> None:
    numbers = torch.zeros(2, 64, dtype=torch.int64)
    trial.trial_barriers(2, 3, at(numbers))
    child = os.fork()
    if child == 0:
        numbers.zero_()
        trial.trial_barriers(2, 3, at(numbers))
        os._exit(0 if numbers[1, :2].tolist() == [3, 3] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(("items", "count", "piece"), [(0, 3, 1), (10, 3, 1), (2, 5, 1), (100, 3, 32), (64, 2, 32)])
def test_shares_cover_all_once(trial: ctypes.CDLL, items: int, count: int, piece: int) -> None:
    edges = torch.zeros(count, 2, dtype=torch.int64)
    trial.trial_share(long(items), count, long(piece), at(edges))
    assert edges[0, 0] == 0
    assert edges[-1, 1] == items
    assert torch.equal(edges[1:, 0], edges[:-1, 1])
    assert all(edge % piece == 0 or edge == items for edge in edges.flatten().tolist())


@pytest.mark.parametrize("width", [1, 7, 16, 63, 64, 65, 200, 768])
def test_norms(trial: ctypes.CDLL, width: int) -> None:
    x, weight, bias, y = torch.randn(5, width) * 3 + 1, torch.randn(width), torch.randn(width), torch.empty(5, width)
    for w, b in ((weight, bias), (weight, None), (None, None)):
        trial.trial_norm(0, at(x), long(5), long(width), at(w), at(b), at(y))
        wanted = F.layer_norm(x.double(), (width,), None if w is None else w.double(), None if b is None else b.double(), 1e-5)
        torch.testing.assert_close(y.double(), wanted, rtol=2e-6, atol=2e-6)
        trial.trial_norm(1, at(x), long(5), long(width), at(w), at(None), at(y))
        wanted = F.rms_norm(x.double(), (width,), None if w is None else w.double(), 1e-5)
        torch.testing.assert_close(y.double(), wanted, rtol=2e-6, atol=2e-6)


def test_a_norm_in_place_and_of_rows_far_from_zero(trial: ctypes.CDLL) -> None:
    x = torch.randn(3, 300) + 1000
    wanted = F.layer_norm(x.double(), (300,))
    trial.trial_norm(0, at(x), long(3), long(300), at(None), at(None), at(x))
    torch.testing.assert_close(x.double(), wanted, rtol=1e-3, atol=1e-3)          # float32 holds 1000 to 6e-5


def test_a_norm_shows_what_is_no_number(trial: ctypes.CDLL) -> None:
    x, y = torch.randn(2, 100), torch.empty(2, 100)
    x[1, 99] = torch.inf
    for rms in (0, 1):
        trial.trial_norm(rms, at(x), long(2), long(100), at(None), at(None), at(y))
        assert y[0].isfinite().all()
        assert y[1, 99].isnan()


def test_the_exponential(trial: ctypes.CDLL) -> None:
    x = torch.linspace(-87, 88, 100_003)
    y = torch.empty_like(x)
    trial.trial_exp(at(x), long(len(x)), at(y))
    assert (y / x.double().exp() - 1).abs().max() < 1.5e-7
    far, out = torch.tensor([-200.0, 200.0, torch.inf, -torch.inf, torch.nan, 0.0]), torch.empty(6)
    trial.trial_exp(at(far), long(6), at(out))
    assert out[:4].tolist() == [0.0, torch.inf, torch.inf, 0.0]
    assert out[4].isnan()
    assert out[5] == 1.0


def test_powers_of_two(trial: ctypes.CDLL) -> None:
    x = torch.cat([torch.linspace(-126, 1, 400_001), torch.tensor([0.0, -126.5, -1e30, -torch.inf, torch.nan])])
    y = torch.empty_like(x)
    trial.trial_exp2(at(x), long(len(x)), at(y))
    wanted = torch.exp2(x[:400_001].double())
    assert ((y[:400_001].double() - wanted) / wanted).abs().max() < 1e-7
    assert y[-5:-1].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert y[-1].isnan()


@pytest.mark.parametrize("flags", [(), ("-mno-avx512bf16",)])
def test_rows_in_bfloat16(compiled: Callable[..., ctypes.CDLL], flags: tuple[str, ...]) -> None:
    """With the instructions for it, and on processors that have none."""
    lib = compiled(Path(__file__).parent / "trial.cpp", units=("pool",), flags=flags)
    odd = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, 3.4e38, 1.00390625])
    x = torch.cat([torch.randn(50) * 10.0 ** torch.randint(-30, 30, (50,)), odd])
    narrow, rounded = torch.full((60,), 7.0, dtype=torch.bfloat16), torch.full((60,), 7.0)
    lib.trial_bfloats(at(x), long(57), at(narrow), at(rounded))
    wanted = x.bfloat16()
    torch.testing.assert_close(narrow[:57], wanted, rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(rounded[:57], wanted.float(), rtol=0, atol=0, equal_nan=True)
    assert narrow[57:].tolist() == rounded[57:].tolist() == [7.0] * 3
