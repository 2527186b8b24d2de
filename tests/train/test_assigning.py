"""Pairs of least cost: against scipy's, and against every way there is."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import Tensor

from limelight.train.assigning import assign

optimize = pytest.importorskip("scipy.optimize")


def cost_of(costs: Tensor, pairs: tuple[Tensor, Tensor]) -> float:
    return costs[pairs].sum().item()


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (7, 30), (30, 7), (100, 63), (3, 0), (0, 4)])
def test_the_sum_is_that_of_scipy(size: tuple[int, int]) -> None:
    for seed in range(5):
        costs = torch.randn(size, generator=torch.Generator().manual_seed(seed)).double()
        rows, columns = assign(costs)
        wanted = optimize.linear_sum_assignment(costs.numpy())
        assert rows.tolist() == wanted[0].tolist()
        assert columns.tolist() == wanted[1].tolist()            # of random costs no two ways are as cheap


def test_equal_costs() -> None:
    """Whole numbers of which many are equal: the pairs may differ, their sum may not."""
    for seed in range(20):
        costs = torch.randint(0, 4, (6, 9), generator=torch.Generator().manual_seed(seed)).double()
        rows, columns = assign(costs)
        assert len(set(columns.tolist())) == len(set(rows.tolist())) == 6
        assert cost_of(costs, (rows, columns)) == costs.numpy()[optimize.linear_sum_assignment(costs.numpy())].sum()


def test_no_way_is_cheaper() -> None:
    costs = torch.rand(5, 5, generator=torch.Generator().manual_seed(3))
    best = min(sum(costs[i, j].item() for i, j in enumerate(way)) for way in permutations(range(5)))
    assert cost_of(costs, assign(costs)) == pytest.approx(best)


def test_what_is_no_number_is_the_last_choice() -> None:
    nan, inf = float("nan"), float("inf")
    costs = torch.tensor([[nan, 9.0, 1.0], [2.0, inf, 1e6], [nan, nan, 5.0]])
    rows, columns = assign(costs)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0), (2, 2)]
    assert [len(each) for each in assign(torch.full((2, 3), nan))] == [2, 2]
