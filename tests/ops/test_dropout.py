"""Dropout: the share, the mean, the seed and the gradient."""

from __future__ import annotations

import pytest
import torch

from limelight.ops import dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(100_003,), (101, 7, 143)])
def test_the_share_that_is_dropped_and_the_mean_that_is_kept(p: float, shape: tuple[int, ...]) -> None:
    out = dropout(torch.ones(shape), p)
    assert abs((out == 0).float().mean().item() - p) < 0.01
    assert abs(out.mean().item() - 1) < (0.02 if p < 0.9 else 0.05)
    assert len(out.unique()) == 2           # nothing between dropped and scaled up


def test_a_seed_gives_the_same_again_and_draws_differ() -> None:
    x = torch.randn(64, 64)
    torch.manual_seed(5)
    one, two = dropout(x, 0.3), dropout(x, 0.3)
    torch.manual_seed(5)
    assert torch.equal(dropout(x, 0.3), one)
    assert not torch.equal(one, two)


def test_places_are_dropped_independently() -> None:
    gone = (dropout(torch.ones(200_000), 0.5) == 0).float()
    for step in (1, 2, 7, 8, 64):
        together = (gone[:-step] * gone[step:]).mean().item()
        assert abs(together - 0.25) < 0.01


@pytest.mark.parametrize(("p", "training"), [(0.0, True), (0.7, False)])
def test_where_nothing_is_to_be_dropped_the_input_comes_back(p: float, training: bool) -> None:
    x = torch.randn(3, 4)
    assert dropout(x, p, training) is x


def test_the_gradient_is_dropped_alike() -> None:
    x = torch.randn(50, 50, requires_grad=True)
    out = dropout(x, 0.4)
    out.sum().backward()
    assert torch.equal(x.grad == 0, out == 0)


@pytest.mark.parametrize("p", [0.998, 0.9999])
def test_a_share_near_one_stays_finite(p: float) -> None:
    assert dropout(torch.ones(10_000), p).isfinite().all()


def test_bf16_stays_bf16() -> None:
    assert dropout(torch.ones(9, 9, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16
