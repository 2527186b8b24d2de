"""Boxes that are counted from where their places stand on the grid that a picture is read in."""

from __future__ import annotations

import pytest
import torch

from limelight import ops
from limelight.errors import SpecError
from limelight.inputs import Batch
from limelight.nn import Network
from limelight.spec import NOTHING, OBJECTS, Attention, Boxes, Features, FeedForward, Grid, Labels, Learned, Model, Patches, Stack, Tokens
from limelight.spec.inputs import Input

HEADS = (Labels(name=OBJECTS, labels=("a", "b", NOTHING)), Boxes(near=True))


def model(reads: Input) -> Network:
    again = isinstance(reads, Features)
    position = Grid() if again else Learned(length=6)
    stack = Stack(depth=1, attention=Attention(heads=2), ff=FeedForward(hidden=16), input=reads, position=position, again=again)
    torch.manual_seed(0)
    return Network(Model(family="transformer", dim=16, encoder=stack, heads=HEADS)).eval()


def told_nothing(found: Network) -> Network:
    """One whose box head adds nothing to where a place stands."""
    torch.nn.init.zeros_(found.heads["boxes"].out.weight)
    torch.nn.init.zeros_(found.heads["boxes"].out.bias)
    return found


def test_grid_centres_are_the_middles_row_by_row() -> None:
    wanted = [[1 / 6, 0.25], [0.5, 0.25], [5 / 6, 0.25], [1 / 6, 0.75], [0.5, 0.75], [5 / 6, 0.75]]
    assert torch.allclose(ops.grid_centres(2, 3), torch.tensor(wanted))


def test_a_place_that_adds_nothing_finds_its_own_middle() -> None:
    squares = told_nothing(model(Patches(rows=8, columns=12, size=4, before=0)))
    scores, boxes = squares.detect(Batch(torch.randn(2, 3, 8, 12)))
    assert scores.shape == (2, 6, 3)
    assert torch.allclose(boxes[0, :, :2], ops.grid_centres(2, 3), atol=1e-6)
    assert torch.allclose(boxes[..., 2:], torch.tensor(0.5))
    features = told_nothing(model(Features(stem=4, widths=(4,), depths=(1,), block="basic")))
    _, boxes = features.detect(Batch(torch.randn(1, 3, 10, 20)))
    assert torch.allclose(boxes[0, :, :2], ops.grid_centres(3, 5), atol=1e-6)


def test_what_is_around_a_picture_moves_nothing() -> None:
    """Places are counted in shares of the picture's own size."""
    found = told_nothing(model(Features(stem=4, widths=(4,), depths=(1,), block="basic")))
    keep = torch.zeros(1, 16, 32, dtype=torch.bool)
    keep[:, :8, :16] = True
    _, boxes = found.detect(Batch(torch.randn(1, 3, 16, 32), keep))
    places = boxes[0, :, :2].unflatten(0, (4, 8))
    assert torch.allclose(places[:2, :4].flatten(0, 1), ops.grid_centres(2, 4), atol=1e-5)
    assert torch.isfinite(boxes).all()


def test_no_grid_no_nearness() -> None:
    body = {"depth": 1, "attention": Attention(heads=2), "ff": FeedForward(hidden=16)}
    odd = Stack(**body, input=Patches(rows=8, columns=8, size=4), position=Learned(length=5))
    with pytest.raises(SpecError, match="near to places of a grid"):
        Model(family="transformer", dim=16, encoder=odd, heads=HEADS)
    with pytest.raises(SpecError, match="near to places of a grid"):
        Model(family="transformer", dim=16, encoder=Stack(**body, input=Tokens(vocab=9)), heads=HEADS)
