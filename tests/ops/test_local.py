"""Local attention, worked out by hand from Luong et al. 2015, section 3.2."""

from __future__ import annotations

import math

import pytest
import torch

from limelight import ops

LENGTHS = torch.tensor([6, 3])


def test_a_window_is_about_its_centre_and_within_the_sentence() -> None:
    at = torch.tensor([[0.0, 2.4], [2.0, 5.5]])
    found = ops.luong_window(at, LENGTHS, 6, 2)
    assert found.shape == (2, 1, 2, 6)
    assert found[:, 0].int().tolist() == [
        [[1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 1, 0]],                   # 0.4 <= s <= 4.4
        [[1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]],                   # three tokens; 3.5 and on are none of them
    ]


def test_centres_may_be_the_same_in_all_rows() -> None:
    at = torch.arange(4.0)[None]
    assert torch.equal(ops.luong_window(at, LENGTHS, 6, 1), ops.luong_window(at.expand(2, 4), LENGTHS, 6, 1))


def test_weights_fade_by_a_normal_curve_of_half_the_width() -> None:
    fade = ops.luong_fade(torch.tensor([[1.5]]), 4, 3)
    assert fade.shape == (1, 1, 1, 4)
    wanted = [math.exp(-((s - 1.5) ** 2) / (2 * 1.5**2)) for s in range(4)]
    assert fade.flatten().tolist() == pytest.approx(wanted, abs=1e-6)


def test_gradients_reach_the_centres() -> None:
    at = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda at: ops.luong_fade(at * 5, 7, 2), at)


def test_local_attention_is_both_at_once() -> None:
    q, k, at = torch.randn(2, 1, 3, 4), torch.randn(2, 1, 6, 4), torch.rand(2, 3) * 6
    window, fade = ops.luong_window(at, LENGTHS, 6, 2), ops.luong_fade(at, 6, 2)
    found = ops.attention_weights(q, k, allow=window, weigh=lambda s: ops.faded(s, fade=fade))
    for b in range(2):
        for i in range(3):
            near = [s for s in range(int(LENGTHS[b])) if abs(s - at[b, i].item()) <= 2]
            raw = {s: math.exp(float(q[b, 0, i] @ k[b, 0, s]) / 2) for s in near}
            wanted = [raw.get(s, 0.0) / (sum(raw.values()) or 1.0) * math.exp(-((s - at[b, i].item()) ** 2) / 2) for s in range(6)]
            assert found[b, 0, i].tolist() == pytest.approx(wanted, abs=1e-5)
