"""Codecs: shapes and units, what is learnt from against the papers' equations written out, what they refuse."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from limelight.codecs import DiscreteVAE, Quantised, build
from limelight.errors import InputError, SpecError, TaskError
from limelight.spec import Codec as CodecSpec
from limelight.spec import DiscreteVAE as DiscreteSpec
from limelight.spec import Quantised as QuantisedSpec

SPECS: dict[str, CodecSpec] = {
    "discrete": DiscreteSpec(count=11, rows=8, columns=12, width=8, stages=(1, 2, 2), blocks=1, narrow=6),
    "quantised": QuantisedSpec(count=11, rows=8, columns=12, width=8, stages=(1, 2, 2), blocks=1, dim=5, groups=4, looks=(2,)),
    "unsigned": QuantisedSpec(count=11, rows=4, columns=4, width=4, stages=(1, 1), blocks=2, dim=3, groups=2, signed=False),
}


def made(name: str) -> DiscreteVAE | Quantised:
    torch.manual_seed(5)
    codec = build(SPECS[name])
    with torch.no_grad():
        for weight in codec.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return codec.eval()


def pictures(s: CodecSpec, rows: int = 2) -> Tensor:
    return torch.rand(rows, s.channels, s.rows, s.columns, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", SPECS)
@torch.no_grad()
def test_there_and_back(name: str) -> None:
    codec, s = made(name), SPECS[name]
    codes = codec.encode(pictures(s))
    assert codes.shape == (2, s.slots)
    assert s.slots == s.grid[0] * s.grid[1] == s.rows * s.columns // s.halved**2
    assert 0 <= codes.min() <= codes.max() < s.count
    drawn = codec.decode(codes)
    assert drawn.shape == (2, 3, s.rows, s.columns)
    assert 0 <= drawn.min() < drawn.max() <= 1
    torch.testing.assert_close(codec.decode(codes[1:]), drawn[1:], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_codes_are_drawn_as_the_hardest_of_soft_draws() -> None:
    """At a temperature near 0 the softened draw is one code a place, and what is drawn of it what decode draws."""
    codec, s = made("discrete"), SPECS["discrete"]
    assert isinstance(codec, DiscreteVAE)
    given, dice = pictures(s), torch.Generator().manual_seed(2)
    found = codec.relaxed(given, 1e-4, noise=dice)
    logits = codec.logits(given)
    noise = -torch.empty_like(logits).exponential_(generator=dice.manual_seed(2)).log()
    codes = (logits + noise).argmax(1).flatten(1)
    torch.testing.assert_close(found.drawn, codec.decode(codes), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_evidence_is_the_papers() -> None:
    """Appendix A.3, equation 2, pixel by pixel; the divergence from equal chances, place by place."""
    codec, s = made("discrete"), SPECS["discrete"]
    assert isinstance(codec, DiscreteVAE)
    assert isinstance(s, DiscreteSpec)
    given = pictures(s, 1)
    found = codec.relaxed(given, 1e-4, noise=torch.Generator().manual_seed(3))
    logits = codec.logits(given)
    noise = -torch.empty_like(logits).exponential_(generator=torch.Generator().manual_seed(3)).log()
    hard = F.one_hot((logits + noise).argmax(1), s.count).movedim(-1, 1).float()
    middle, spread = codec._drawn(codec.begin(hard))
    x = (1 - 2 * s.edge) * given + s.edge
    density = (1 / (2 * spread.exp() * x * (1 - x))) * (-((x / (1 - x)).log() - middle).abs() / spread.exp()).exp()
    torch.testing.assert_close(found.unlikely, -density.log().sum((1, 2, 3)), atol=1e-2, rtol=1e-3)
    chances = logits.softmax(1)
    torch.testing.assert_close(found.far, (chances * (chances * s.count).log()).sum((1, 2, 3)))
    assert 0 < found.far.item() < s.slots * math.log(s.count)


def test_the_density_of_pixels_is_one() -> None:
    """Over all values that a pixel may have, its chances sum to 1: the logit-Laplace density is a density."""
    x, middle, spread = torch.linspace(1e-4, 1 - 1e-4, 20_001, dtype=torch.float64), 0.4, -0.3
    density = (-(x.logit() - middle).abs() * math.exp(-spread)).exp() / (2 * math.exp(spread) * x * (1 - x))
    assert abs(torch.trapezoid(density, x).item() - 1) < 1e-3


@torch.no_grad()
def test_the_nearest_vector_is_the_nearest() -> None:
    codec, s = made("quantised"), SPECS["quantised"]
    assert isinstance(codec, Quantised)
    seen = codec.vectors(pictures(s))
    slow = torch.stack([torch.stack([(each - code).square().sum() for code in codec.table.weight]).argmin() for each in seen[0]])
    assert torch.equal(codec.encode(pictures(s))[0], slow)


def test_codes_that_nothing_is_near_begin_anew() -> None:
    codec, s = made("quantised"), SPECS["quantised"]
    assert isinstance(codec, Quantised)
    before, given = codec.table.weight.clone(), pictures(s)
    used = codec.encode(given).unique()
    idle = [code for code in range(s.count) if code not in used]
    assert codec.revive(given, noise=torch.Generator().manual_seed(0)) == len(idle) > 0
    assert torch.equal(codec.table.weight[used], before[used])
    seen = codec.vectors(given).flatten(0, 1)
    assert all(any(torch.equal(codec.table.weight[code], each) for each in seen) for code in idle)
    assert codec.encode(given).unique().numel() >= used.numel()


def test_gradients_pass_the_table_as_if_nothing_had_been_replaced() -> None:
    """Equation 4: the table moves towards vectors, vectors a quarter as readily towards the table; pictures reach the encoder."""
    codec, s = made("quantised"), SPECS["quantised"]
    assert isinstance(codec, Quantised)
    found = codec.nearest(pictures(s))
    seen = codec.vectors(pictures(s)).detach()
    apart = (codec.table(found.codes) - seen).square().mean().detach()
    torch.testing.assert_close(found.loss.detach(), 1.25 * apart)
    torch.testing.assert_close(found.drawn.detach().clamp(0, 1), codec.decode(found.codes).detach(), atol=1e-5, rtol=1e-5)
    codec.zero_grad()
    (found.drawn.square().sum()).backward(retain_graph=True)
    assert codec.table.weight.grad is None or not codec.table.weight.grad.any()
    assert codec.encoder is not None
    assert codec.encoder.first.weight.grad is not None
    assert codec.encoder.first.weight.grad.any()
    found.loss.backward()
    assert codec.table.weight.grad is not None
    assert codec.table.weight.grad.any()


@pytest.mark.parametrize("name", SPECS)
def test_gradients_reach_every_parameter(name: str) -> None:
    codec, s = made(name).train(), SPECS[name]
    if isinstance(codec, DiscreteVAE):
        found = codec.relaxed(pictures(s), 0.7)
        loss = found.unlikely.sum() + found.far.sum()
    else:
        near = codec.nearest(pictures(s))
        loss = near.drawn.square().sum() + near.loss
    loss.backward()
    missed = [name for name, weight in codec.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert [each for each in missed if not each.endswith("k.bias")] == []         # a shift of all scores changes nothing


@pytest.mark.parametrize("name", SPECS)
def test_a_few_steps_make_it_better(name: str) -> None:
    codec, s = made(name).train(), SPECS[name]
    given, optimiser, losses = pictures(s), torch.optim.Adam(codec.parameters(), 3e-3), []
    for _ in range(12):
        if isinstance(codec, DiscreteVAE):
            loss = codec.relaxed(given, 1.0, noise=torch.Generator().manual_seed(0)).unlikely.mean()
        else:
            near = codec.nearest(given)
            loss = F.mse_loss(near.drawn, given) + near.loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["discrete", "quantised"])
def test_what_is_refused(name: str) -> None:
    codec, s = made(name), SPECS[name]
    with pytest.raises(InputError, match=r"pictures of 3 x 8 x 12: got 3 x 8 x 8"):
        codec.encode(torch.rand(1, 3, 8, 8))
    with pytest.raises(InputError, match=r"a picture has 6 codes, 2 rows of 3: got \[1, 5\]"):
        codec.decode(torch.zeros(1, 5, dtype=torch.long))
    with pytest.raises(InputError, match="codes are 0 to 10: got 11"):
        codec.decode(torch.full((1, s.slots), 11))
    with pytest.raises(InputError, match="codes are 0 to 10: got -1"):
        codec.decode(torch.full((1, s.slots), -1))


def test_a_codec_without_its_encoder_only_draws() -> None:
    s = QuantisedSpec(count=11, rows=4, columns=4, width=4, stages=(1, 1), blocks=1, dim=3, groups=2, reads=False)
    codec = build(s)
    assert not [name for name in codec.state_dict() if name.startswith(("encoder", "before"))]
    assert codec.decode(torch.zeros(1, 4, dtype=torch.long)).shape == (1, 3, 4, 4)
    with pytest.raises(TaskError, match="without its encoder"):
        codec.encode(torch.rand(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DiscreteSpec(count=4, rows=10, columns=8, stages=(1, 2, 2)), "halved 2 times: got 10 x 8"),
        (lambda: DiscreteSpec(count=4, rows=8, columns=8, width=6, stages=(1, 2)), "a quarter of its channels: got width=6"),
        (lambda: QuantisedSpec(count=4, rows=8, columns=8, width=6, stages=(1, 2), groups=4), "got 4 in stages of"),
        (lambda: QuantisedSpec(count=4, rows=8, columns=8, width=8, groups=4, stages=(1, 2), looks=(2,)), "and there are 2"),
        (lambda: DiscreteSpec(count=4, rows=8, columns=8, width=8, stages=(1, 2), blocks=10**9), "blocks"),
    ],
)
def test_specs_that_make_no_sense(make, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        make()


def test_published_shapes() -> None:
    """Of DALL-E: 256 x 256 pixels are 32 x 32 codes of 8,192; of VQGAN, 16 x 16 of 16,384."""
    assert DiscreteSpec(count=8192, rows=256, columns=256).grid == (32, 32)
    assert QuantisedSpec(count=16_384, rows=256, columns=256, looks=(4,)).grid == (16, 16)
