"""Boxes: each function against a slow twin that counts pixels or goes one by one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from limelight.ops import areas, centres, corners, general_overlaps, overlaps, suppress


def drawn(n: int, seed: int = 0) -> Tensor:
    """Boxes by their corners, on whole pixels of a board of 12 x 12; some have no area."""
    dice = torch.Generator().manual_seed(seed)
    two = torch.randint(0, 13, (n, 2, 2), generator=dice).sort(1).values                  # (n corner axis)
    return two.flatten(1).double()


def pixels(box: Tensor) -> Tensor:
    """The board with the box filled in."""
    left, top, right, bottom = box.int().tolist()
    board = torch.zeros(12, 12, dtype=torch.bool)
    board[top:bottom, left:right] = True
    return board


def test_there_and_back() -> None:
    boxes = drawn(50)
    assert torch.equal(corners(centres(boxes)), boxes)
    assert centres(torch.tensor([2.0, 4.0, 6.0, 10.0])).tolist() == [4.0, 7.0, 4.0, 6.0]


def test_areas_are_pixels() -> None:
    boxes = drawn(50)
    assert areas(boxes).tolist() == [int(pixels(box).sum()) for box in boxes]
    assert areas(torch.tensor([5.0, 5.0, 3.0, 9.0])) == 0


def test_overlaps_are_pixels_of_both_over_pixels_of_either() -> None:
    a, b = drawn(40, 1), drawn(40, 2)
    found, general = overlaps(a[:, None], b), general_overlaps(a[:, None], b)
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            both, either = (pixels(one) & pixels(other)).sum().item(), (pixels(one) | pixels(other)).sum().item()
            around = pixels(torch.cat((torch.minimum(one[:2], other[:2]), torch.maximum(one[2:], other[2:])))).sum().item()
            share = both / either if either else 0.0
            assert found[i, j] == pytest.approx(share)
            assert general[i, j] == pytest.approx(share - ((around - either) / around if around else 0.0))


def test_general_overlap_knows_how_far_apart_boxes_are() -> None:
    still = torch.tensor([0.0, 0.0, 1.0, 1.0])
    near, far = torch.tensor([2.0, 0.0, 3.0, 1.0]), torch.tensor([8.0, 0.0, 9.0, 1.0])
    assert overlaps(still, near) == overlaps(still, far) == 0
    assert -1 < general_overlaps(still, far) < general_overlaps(still, near) < 0 < general_overlaps(still, still) == 1


def test_gradients_are_finite_where_boxes_have_no_area() -> None:
    flat = torch.tensor([[0.5, 0.5, 0.5, 0.5]], requires_grad=True)
    general_overlaps(flat, flat.detach().clone()).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def plainly(boxes: Tensor, scores: Tensor, most: float) -> list[int]:
    """Take the likeliest, strike out what it overlaps, and so on."""
    left, stay = list(range(len(boxes))), []
    while left:
        top = max(left, key=lambda i: (scores[i].item(), -i))
        stay.append(top)
        left = [i for i in left if i != top and overlaps(boxes[top], boxes[i]).item() <= most]
    return stay


@pytest.mark.parametrize("most", [0.0, 0.3, 0.5, 1.0])
def test_suppression_takes_away_what_a_likelier_box_overlaps(most: float) -> None:
    boxes = drawn(60, 3)
    scores = torch.randint(0, 20, (60,)).double() / 20                                    # some are equal
    assert suppress(boxes, scores, most=most).tolist() == plainly(boxes, scores, most)


def test_suppression_of_nothing() -> None:
    assert suppress(torch.zeros(0, 4), torch.zeros(0)).tolist() == []
