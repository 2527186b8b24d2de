"""The exact gradient of hard attention against finite differences, and how estimates are compared with one that is known."""

from __future__ import annotations

import math

import pytest
import torch

from limelight.claims.gradients import compared, copies, exact, expected_loss, flat, where
from limelight.claims.vocabulary import START
from limelight.errors import InputError
from limelight.inputs import pad
from limelight.inputs.pairs import Pairs
from limelight.nn import Network
from limelight.spec import Attention, General, Hard, Model, Recurrent, Tokens, Words
from limelight.train.drawing import drawing_loss

PAIRS = Pairs(pad([[5, 6, 2], [7, 5, 2]]), pad([[8, 9, 2], [9, 5, 2]]))


def model(*, feeding: bool) -> Network:
    torch.manual_seed(0)
    column = {"depth": 1, "cell": "gru", "input": Tokens(vocab=12)}
    cross = Attention(heads=1, maps="", bias="", score=General(), weights=Hard())
    encoder, decoder = Recurrent(**column, bidirectional=True), Recurrent(**column, cross=cross, feeding=feeding)
    made = Network(Model(family="tiny", dim=6, encoder=encoder, decoder=decoder, heads=(Words(),)))
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn(weight.shape) * 0.3)
    return made.train()


@pytest.mark.parametrize("feeding", [False, True])
def test_the_exact_gradient_is_that_of_the_expected_loss(feeding: bool) -> None:
    made = model(feeding=feeding).double()
    found = exact(made, PAIRS, start=START)
    torch.manual_seed(1)
    way, step = torch.randn_like(found), 1e-5
    start = torch.nn.utils.parameters_to_vector(made.parameters()).detach()
    sides = []
    for sign in (1, -1):
        torch.nn.utils.vector_to_parameters(start + sign * step * way, made.parameters())
        sides.append(float(expected_loss(made, PAIRS, start=START).detach()))
    assert float(found @ way) == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=2e-3)


def test_draws_come_to_the_expected_loss() -> None:
    made = model(feeding=True)
    torch.manual_seed(2)
    many = drawing_loss(made, copies(PAIRS, 4000), hard=Hard(entropy=0.0), start=START)
    assert float(many.nll) / 8000 == pytest.approx(float(expected_loss(made, PAIRS, start=START).detach()), rel=0.02)


def test_too_many_sequences_are_refused() -> None:
    long = Pairs(pad([[5] * 9]), pad([[5] * 9]))
    with pytest.raises(InputError, match="387,420,489 sequences"):
        exact(model(feeding=True), long, start=START)
    with pytest.raises(InputError, match="without"):
        expected_loss(model(feeding=True), Pairs(None, long.target), start=START)


def test_padded_pairs_are_not_copied() -> None:
    with pytest.raises(InputError, match="equal lengths"):
        copies(Pairs(pad([[5, 6], [5]]), pad([[5, 6], [5, 5]])), 2)


def test_parts_are_by_name_and_in_the_order_of_the_gradient() -> None:
    made = model(feeding=False)
    part = where(made, lambda name: name == "decoder.cross.score")
    assert int(part.sum()) == 36
    assert made.decoder is not None
    assert made.decoder.cross is not None
    found = flat(made, made.decoder.cross.score.square().sum() / 2)
    torch.testing.assert_close(found[part], made.decoder.cross.score.flatten())
    assert not found[~part].any()


def around(bias: float) -> dict[str, float]:
    """200 estimates of a known vector with known noise and bias, each of 10 samples."""
    draw = torch.Generator().manual_seed(3)
    right = torch.randn(500, generator=draw)
    drawn = right + bias * right + torch.randn(200, 500, generator=draw) * 0.5
    drawn[:, -1] = right[-1]                                               # one that never moves
    found = compared(drawn, right, {"all": torch.ones(500, dtype=torch.bool)}, samples=10)["all"]
    noise = 0.5 * math.sqrt(500 * 10) / float(right.norm())
    assert found["noise"] == pytest.approx(noise, rel=0.03)
    assert found["coordinates"] == 499
    assert [n for n, _ in found["errors"]] == [10 * 2**i for i in range(8)]
    return found


def test_estimates_that_are_right_on_average() -> None:
    found = around(0.0)
    assert found["held"] == pytest.approx(0.95, abs=0.03)
    assert found["along"] == pytest.approx(1, abs=0.02)
    assert found["slope"] == pytest.approx(-0.5, abs=0.02)
    assert abs(found["bias"]) < 0.03
    assert found["errors"][0][1] == pytest.approx(found["noise"] / math.sqrt(10), rel=0.03)


def test_estimates_that_are_not() -> None:
    found = around(-0.3)
    assert found["held"] < 0.5
    assert found["along"] == pytest.approx(0.7, abs=0.02)
    assert found["slope"] > -0.4
    assert found["bias"] == pytest.approx(0.3, abs=0.01)
