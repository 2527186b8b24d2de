"""Rollout, against products of whole matrices in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight.decode import Beam, Ending, generate
from limelight.errors import TraceError
from limelight.inputs.batch import pad
from limelight.look import Trace, trace
from limelight.look.rollout import rolled, rollout
from limelight.spec import Attention, Entmax
from opinionated import END, START

LONG = torch.arange(150)[None] % 9 + 3


def written_out(maps: list[Tensor]) -> Tensor:
    """The product of all maps (b h n n), heads averaged, identities added, rows that see nothing left as they are."""
    n = maps[0].shape[2]
    whole = torch.eye(n, dtype=torch.float64)
    for each in maps:
        mean = each.mean(1)
        mean = mean + torch.diag_embed(1 - mean.sum(-1))
        whole = (0.5 * mean + 0.5 * torch.eye(n, dtype=torch.float64)) @ whole
    return whole


def maps(seen: Trace, side: str, path: list[int] | None = None) -> list[Tensor]:
    return [seen[name].weights(path=path, exact=True) for name in seen if name.startswith(side) and name.endswith("self")]


@pytest.mark.parametrize("weights", [None, Entmax()])
def test_rows_are_those_of_the_whole_product(weights: object) -> None:
    given = {} if weights is None else {"attention": Attention(heads=2, weights=weights)}
    model = tiny.lm(0, **given)
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    found = rollout(seen, places=[149, 0, -20])
    torch.testing.assert_close(found.double(), written_out(maps(seen, "decoder"))[:, [149, 0, 130]], atol=1e-6, rtol=0)
    torch.testing.assert_close(found.sum(-1), torch.ones(1, 3))
    lower = rollout(seen, places=[140], layer=0)
    torch.testing.assert_close(lower.double(), written_out(maps(seen, "decoder")[:1])[:, [140]], atol=1e-6, rtol=0)


def test_mixtures_of_places_are_mixtures_of_their_rows() -> None:
    model = tiny.lm(0)
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    rows = rollout(seen, places=range(150))
    shares = torch.rand(1, 3, 150)
    torch.testing.assert_close(rolled(seen, shares), shares @ rows, atol=1e-5, rtol=0)
    torch.testing.assert_close(rolled(seen, shares, layer=0, side="decoder"), shares @ rollout(seen, places=range(150), layer=0))


def test_padding_stays_with_itself() -> None:
    model = tiny.seq2seq(0)
    with trace(model, layers="encoder.*") as seen, torch.no_grad():
        model.encode(pad([[4, 5, 6, 7], [8]]))
    found = rollout(seen, places=range(4))
    torch.testing.assert_close(found.double(), written_out(maps(seen, "encoder")), atol=1e-6, rtol=0)
    assert found[1, 0].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_an_answer_is_followed_through_its_beam() -> None:
    model = tiny.seq2seq(1, end=-30, heads=4)
    with trace(model) as seen:
        hypotheses = generate(model, pad(tiny.sources(1)), Beam(width=3), ending=Ending(frozenset([END]), 8), start=START)
    path = hypotheses[0][0].rows
    found = rollout(seen, places=[7, 3], side="decoder", path=path)
    torch.testing.assert_close(found.double(), written_out(maps(seen, "decoder", path))[:, [7, 3]], atol=1e-6, rtol=0)


def test_what_cannot_be_followed_is_told() -> None:
    model = tiny.seq2seq(0)
    with trace(model) as seen, torch.no_grad():
        memory = model.encode(pad([[4, 5, 6]]))
        model.decode(torch.tensor([[START]]), memory=memory)
    with pytest.raises(TraceError, match="got side=None, traced: encoder, decoder") as caught:
        rollout(seen, places=[0])
    assert caught.value.hint == 'Give side="encoder", and trace all of its layers.'
    with pytest.raises(TraceError, match="there are 3 places, 0 to 2: got 3"):
        rollout(seen, side="encoder", places=[3])
    with trace(model, layers="decoder.1.*") as upper, torch.no_grad():
        model.decode(torch.tensor([[START]]), memory=memory)
    with pytest.raises(TraceError, match="layer 0 was not traced"):
        rollout(upper, places=[0])
    with trace(model, layers="*.cross") as crossing:
        pass
    with pytest.raises(TraceError, match="traced: none"):
        rollout(crossing, places=[0])
