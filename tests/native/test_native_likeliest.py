"""The likeliest word of each row by compiled code is that of torch, and has the same bits in any company."""

from __future__ import annotations

import pytest
import torch

from limelight.native.likeliest import likeliest, plainly


@pytest.mark.parametrize("words", [1, 2, 15, 16, 63, 64, 65, 127, 1000, 50257])
@pytest.mark.parametrize("spread", [0.1, 3.0, 60.0])
def test_it_is_what_torch_finds(words: int, spread: float) -> None:
    scores = torch.randn(3, words) * spread
    for found, wanted in zip(likeliest(scores), plainly(scores), strict=True):
        torch.testing.assert_close(found, wanted, atol=3e-6, rtol=1e-6)


def test_the_first_of_several_is_taken() -> None:
    for places in ((5, 70), (64, 65, 99), (0, 99), (98, 99)):
        scores = torch.zeros(1, 100)
        scores[0, list(places)] = 2.0
        assert likeliest(scores)[0].item() == places[0]


def test_what_filters_left_out_weighs_nothing() -> None:
    scores = torch.full((2, 40), -torch.inf)
    scores[0, 33] = -7.5
    at, most, rest = likeliest(scores)
    assert (at[0], most[0], rest[0]) == (33, -7.5, 0.0)
    assert most[1] == -torch.inf


def test_a_row_has_the_same_bits_alone_beside_others_and_with_any_number_of_threads() -> None:
    scores, threads = torch.randn(5, 3001), torch.get_num_threads()
    together = likeliest(scores)
    torch.set_num_threads(2)
    try:
        others = likeliest(scores)
    finally:
        torch.set_num_threads(threads)
    apart = [torch.cat(parts) for parts in zip(*(likeliest(row[None]) for row in scores), strict=True)]
    assert all(map(torch.equal, together, others))
    assert all(map(torch.equal, together, apart))


def test_columns_that_do_not_lie_side_by_side_are_read_too() -> None:
    scores = torch.randn(50, 4).T
    assert torch.equal(likeliest(scores)[0], scores.argmax(-1))
