"""Scores, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from limelight.ops import additive, attention_weights, dot, general

Q = torch.tensor([[[[1.0, 2.0]], [[0.0, 1.0]]]])                              # (1 2 1 2): two heads, one query
K = torch.tensor([[[[3.0, -1.0], [0.5, 0.5]], [[2.0, 2.0], [-1.0, 4.0]]]])    # (1 2 2 2): two keys for each head


def test_dot() -> None:
    assert dot(Q, K).tolist() == [[[[1.0, 1.5]], [[2.0, 4.0]]]]


def test_general_has_a_matrix_for_each_head() -> None:
    weight = torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[1.0, 0.0], [0.0, -1.0]]])
    # head 0: q W = (4, 1); head 1: q W = (0, -1)
    assert general(Q, K, weight=weight).tolist() == [[[[11.0, 2.5]], [[-2.0, -4.0]]]]


def test_general_with_the_unit_matrix_is_dot() -> None:
    q, k = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6, 5)
    assert torch.equal(general(q, k, weight=torch.eye(5).repeat(3, 1, 1)), dot(q, k))


def test_general_is_not_symmetric_in_queries_and_keys() -> None:
    weight = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]]).repeat(2, 1, 1)
    assert general(Q, K, weight=weight).tolist() == [[[[-1.0, 0.5]], [[0.0, 0.0]]]]


def test_additive_has_a_vector_for_each_head() -> None:
    weight = torch.tensor([[1.0, -2.0], [0.5, 0.0]])
    found = additive(Q, K, weight=weight)[0, :, 0]
    first = [math.tanh(4.0) - 2 * math.tanh(1.0), math.tanh(1.5) - 2 * math.tanh(2.5)]
    second = [0.5 * math.tanh(2.0), 0.5 * math.tanh(-1.0)]
    assert found[0].tolist() == pytest.approx(first, abs=1e-6)
    assert found[1].tolist() == pytest.approx(second, abs=1e-6)


def test_only_dot_products_are_scaled_by_the_head_width() -> None:
    weight = torch.eye(2).repeat(2, 1, 1)

    def odds(**how) -> list[float]:
        """The logarithm of how much more the second key gets than the first: the difference of their scores."""
        weights = attention_weights(Q, K, **how)
        return (weights[0, :, 0, 1] / weights[0, :, 0, 0]).log().tolist()

    assert odds() == pytest.approx([0.5 / math.sqrt(2), 2 / math.sqrt(2)], abs=1e-5)
    assert odds(scale=1.0) == pytest.approx([0.5, 2.0], abs=1e-5)
    assert odds(score=lambda q, k: general(q, k, weight=weight)) == pytest.approx([0.5, 2.0], abs=1e-5)
    assert odds(score=lambda q, k: general(q, k, weight=weight), scale=3.0) == pytest.approx([1.5, 6.0], abs=1e-5)
