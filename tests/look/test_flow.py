"""Flow, against every way to cut the pipes of small networks (Ford and Fulkerson 1956: the largest flow is the narrowest cut)."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight.errors import InputError, TraceError
from limelight.inputs.batch import pad
from limelight.look import flow, rollout, trace

pytest.importorskip("scipy", reason="flow needs scipy")
TOKENS = torch.tensor([[3, 4, 5, 6]])


def narrowest(maps: list[Tensor], start: int, place: int) -> float:
    """Over all sides on which the places between may stand. `maps`: from the first layer on, (n n)."""
    n, depth = len(maps[0]), len(maps)
    best = float("inf")
    for inside in product((False, True), repeat=n * (depth - 1)):
        between = [inside[d * n : (d + 1) * n] for d in range(depth - 1)]
        sides = [[i == start for i in range(n)], *between, [i != place for i in range(n)]]       # a top place but the sink leads nowhere
        pipes = product(range(depth), range(n), range(n))
        best = min(best, sum(float(maps[d][q, k]) for d, q, k in pipes if sides[d][k] and not sides[d + 1][q]))
    return best


@pytest.mark.parametrize("place", [3, 1])
def test_it_is_the_narrowest_cut(place: int) -> None:
    model = tiny.lm(0, heads=4).eval()
    with trace(model) as seen, torch.no_grad():
        model.decode(TOKENS)
    maps = [0.5 * seen[name].weights(exact=True)[0].mean(0) + 0.5 * torch.eye(4, dtype=torch.float64) for name in seen]
    wanted = torch.tensor([narrowest(maps, start, place) for start in range(4)])
    torch.testing.assert_close(flow(seen, place=place), (wanted / wanted.sum()).float(), atol=1e-5, rtol=0)


def test_nothing_flows_from_what_comes_later_or_is_no_word() -> None:
    model = tiny.seq2seq(0)
    with trace(model, layers="encoder.*") as seen, torch.no_grad():
        model.encode(pad([[4, 5, 6, 7]]))
    found = flow(seen, place=-1)
    assert found.shape == (4,)
    assert float(found.sum()) == pytest.approx(1, abs=1e-6)
    assert found.argmax() == rollout(seen, places=[-1])[0, 0].argmax()


def test_what_is_too_long_or_not_there_is_refused() -> None:
    model = tiny.lm(0)
    with trace(model) as seen, torch.no_grad():
        model.decode(torch.arange(300)[None] % 9 + 3)
    with pytest.raises(InputError, match="at most 256 tokens, alone: got 1 of 300"):
        flow(seen, place=0)
    with pytest.raises(TraceError, match="0 to 299: got 300"):
        flow(seen, place=300)
