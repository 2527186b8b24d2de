"""Gradients of large tables: rows that were read are added to what is there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from limelight.ops import linear_cross_entropy
from limelight.ops.cross_entropy import Ways
from limelight.train import tables
from limelight.train.tables import rows_apart

V, M = 12, 4


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> nn.Embedding:
    monkeypatch.setattr(tables, "LARGE", V * M)
    torch.manual_seed(0)
    return nn.Embedding(V, M)


def go_back(table: nn.Embedding, *, tied: bool, times: int, ways: Ways | None = None) -> None:
    """Token 3 is read twice."""
    for _ in range(times):
        x = table(torch.tensor([[3, 5, 3]])).tanh()[0]
        loss = linear_cross_entropy(x, table.weight, None, torch.tensor([1, 2, 3]), ways=ways or Ways())[0] if tied else x.square().sum()
        loss.backward()


def slope(table: nn.Embedding) -> Tensor:
    assert table.weight.grad is not None
    return table.weight.grad


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("tied", [True, False])
def test_it_is_the_gradient(table: nn.Embedding, tied: bool, times: int) -> None:
    go_back(table, tied=tied, times=times)
    wanted, table.weight.grad = slope(table), None
    with rows_apart(table):
        go_back(table, tied=tied, times=times)
    torch.testing.assert_close(slope(table), wanted)
    go_back(table, tied=tied, times=times)                           # and nothing of it stays behind
    torch.testing.assert_close(slope(table), 2 * wanted)


def test_a_tied_table_is_added_to_in_place(table: nn.Embedding) -> None:
    places: list[int] = []

    def noted(size: tuple[int, ...], *, dtype: torch.dtype, device: torch.device) -> Tensor:
        made = torch.empty(size, dtype=dtype, device=device)
        places.append(made.data_ptr())
        return made

    with rows_apart(table):
        go_back(table, tied=True, times=1, ways=Ways(empty=noted))
    assert slope(table).data_ptr() in places


def test_where_nothing_learns_nothing_is_left(table: nn.Embedding) -> None:
    with rows_apart(table), torch.no_grad():
        table(torch.tensor([1]))
    assert table.weight.grad is None
    with pytest.raises(KeyError), rows_apart(table):
        raise KeyError(go_back(table, tied=False, times=1))
    assert table.weight.grad is None


def test_small_and_odd_tables_are_left_alone(table: nn.Embedding) -> None:
    small, odd, frozen = nn.Embedding(V - 1, M), nn.Embedding(V, M, scale_grad_by_freq=True), nn.Embedding(V, M)
    frozen.requires_grad_(False)
    with rows_apart(nn.ModuleList([small, odd, frozen, table])):
        assert [bool(each._forward_hooks) for each in (small, odd, frozen, table)] == [False, False, False, True]
    assert not table._forward_hooks
