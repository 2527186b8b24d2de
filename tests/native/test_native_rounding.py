"""Weights as whole numbers: the compiled twins against the plain ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limelight.native import rounding
from limelight.native.rounding import whole_groups, whole_rows
from limelight.quant.groups import GROUP, quantise_groups
from limelight.quant.int8 import quantise

SHAPES = [(1, 1), (3, 15), (5, 33), (40, 64), (7, 100), (64, 768)]


def weights(rows: int, width: int) -> Tensor:
    """Rows of very different size, some with far outliers, one of zeros."""
    x = torch.randn(rows, width) * torch.logspace(-6, 3, rows)[:, None]
    x[0, 0] *= 20
    x[rows // 2] = 0 if rows > 1 else x[0]
    return x


def off(x: Tensor, whole: Tensor, scale: Tensor) -> Tensor:
    """Squared errors of rows, relative to the row."""
    return (whole * scale - x).square().sum(1) / x.square().sum(1).clamp(min=1e-30)


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_rows_of_both_twins(rows: int, width: int) -> None:
    x = weights(rows, width)
    whole, scale = whole_rows(x)
    plain, its_scale = quantise(x)
    assert (whole != plain).float().mean() < 0.01
    torch.testing.assert_close(off(x, whole, scale[:, None]), off(x, plain, its_scale[:, None]), rtol=1e-3, atol=1e-9)


def spread(shares: Tensor, scale: Tensor, width: int) -> Tensor:
    return (shares.float() * scale[:, None]).repeat_interleave(GROUP, 1)[:, :width]


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(("rows", "width"), SHAPES)
def test_groups_of_both_twins(rows: int, width: int) -> None:
    x = weights(rows, width)
    whole, shares, scale = whole_groups(x)
    plain, its_shares, its_scale = quantise_groups(x)
    assert whole.min() >= -8
    assert whole.max() <= 7
    assert (whole != plain).float().mean() < 0.01
    left, its_left = off(x, whole, spread(shares, scale, width)), off(x, plain, spread(its_shares, its_scale, width))
    torch.testing.assert_close(left, its_left, rtol=1e-3, atol=1e-9)


def test_a_tried_scale_is_better_than_the_plainest() -> None:
    x = torch.randn(200, 64)
    whole, shares, scale = quantise_groups(x)
    plain = x.unflatten(1, (-1, GROUP)).abs().amax(2).div(7).repeat_interleave(GROUP, 1)
    error, its_error = (off(x, numbers, s).mean() for numbers, s in ((whole, spread(shares, scale, 64)), ((x / plain).round(), plain)))
    assert error < 0.85 * its_error


def test_a_group_of_one_size_is_exact() -> None:
    x = torch.full((2, 32), 3.0)
    x[:, ::2] = -3.0
    whole, shares, scale = quantise_groups(x)
    torch.testing.assert_close(whole * spread(shares, scale, 32), x, rtol=1e-3, atol=0)


def test_the_plain_twins_do_it_without_native_code(monkeypatch: pytest.MonkeyPatch) -> None:
    x = weights(5, 40)
    monkeypatch.setattr(rounding, "library", lambda: None)
    assert all(torch.equal(a, b) for a, b in zip(whole_rows(x), quantise(x), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(whole_groups(x), quantise_groups(x), strict=True))
