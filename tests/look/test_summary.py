"""Summaries, against the same of whole maps in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import opinionated as tiny
from limelight import ops
from limelight.decode import Beam, Ending, generate
from limelight.inputs import Batch
from limelight.inputs.batch import pad
from limelight.look import View, summary, trace
from limelight.look.summary import Summary, entropy, summarize
from limelight.native import library
from limelight.spec import Alibi, Attention, Entmax, General, Rotary
from opinionated import END, START

KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "grouped": {"attention": Attention(heads=4, kv_heads=2), "position": Rotary()},
    "alibi": {"position": Alibi()},
    "general": {"attention": Attention(heads=2, score=General())},
    "sparse": {"attention": Attention(heads=2, weights=Entmax())},
    "window": {"attention": Attention(heads=2, window=5)},
}
LONG = torch.arange(150)[None] % 9 + 3


def check(found: Summary, whole: Tensor, top: int) -> None:
    """`whole`: the map (b h q k) in float64."""
    n, keys = whole.shape[2:]
    torch.testing.assert_close(found.weights.double(), whole.topk(min(top, keys), -1).values, atol=1e-6, rtol=0)
    torch.testing.assert_close(whole.gather(-1, found.keys), found.weights.double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.mass.double(), whole.mean(2), atol=1e-6, rtol=0)
    logs = torch.where(whole > 0, whole, 1.0).log()
    torch.testing.assert_close(found.entropy.double(), -(whole * logs).sum(-1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.first.double(), whole[..., 0], atol=1e-6, rtol=0)
    if found.distance is not None:
        away = (torch.arange(n)[:, None] - torch.arange(keys)).abs().double()
        torch.testing.assert_close(found.distance.double(), (whole * away).sum(-1), atol=1e-3, rtol=1e-5)


@pytest.fixture(params=["native", "strips", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where there are native kernels from queries and keys, and from strips of weights; and in torch."""
    if request.param != "plain" and library() is None:
        pytest.skip("there are no native kernels here: limelight env says why")
    if request.param == "plain":
        monkeypatch.setattr(summary.native, "serves", lambda *_: False)
    if request.param != "native":
        monkeypatch.setattr(summary.native, "reads", lambda *_: False)
    return request.param


@pytest.mark.parametrize("strip", [1, 4 * 150 * 7, 4 << 20])
@pytest.mark.parametrize("kind", KINDS)
def test_a_summary_is_that_of_the_whole_map(kind: str, strip: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "STRIP", strip)
    model = tiny.lm(0, **KINDS[kind])
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    view = seen["decoder.1.self"]
    check(summarize(view, top=3), view.weights(exact=True), 3)


def test_some_heads_are_summed_alone() -> None:
    model = tiny.lm(0, attention=Attention(heads=4))
    with trace(model) as seen, torch.no_grad():
        model.decode(LONG)
    view = seen["decoder.0.self"]
    check(summarize(view, heads=[3, 1]), view.weights(exact=True)[:, [3, 1]], 8)


def test_padding_counts_as_nothing(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "STRIP", 4 * 3 * 70 * 11)
    model = tiny.seq2seq(0)
    rows = [LONG[0, :70].tolist(), LONG[0, 5:30].tolist(), [4]]
    with trace(model) as seen, torch.no_grad():
        memory = model.encode(pad(rows))
        model.decode(torch.tensor([[START, 5, 6]] * 3), memory=memory)
    for name in seen:
        found = summarize(seen[name], top=4)
        check(found, seen[name].weights(exact=True), 4)
        assert (found.distance is None) == name.endswith("cross")
    crossed = summarize(seen["decoder.1.cross"], top=4)
    assert crossed.weights[2, :, :, 0].eq(1).all()
    assert not crossed.weights[2, :, :, 1:].any()
    assert not crossed.entropy[2].any()


def test_an_answer_is_followed_through_its_beam() -> None:
    model = tiny.seq2seq(1, end=-30, heads=4)
    with trace(model, layers="decoder.*") as seen:
        found = generate(model, pad(tiny.sources(1)), Beam(width=3), ending=Ending(frozenset([END]), 8), start=START)
    path = found[0][0].rows
    for name in seen:
        check(summarize(seen[name], top=2, path=path), seen[name].weights(path=path, exact=True), 2)


@pytest.mark.parametrize("keys", [1, 7, 64, 200, 1024, 1025, 3000])
def test_the_best_are_the_best_however_long_the_row(keys: int) -> None:
    weights = torch.rand(2, 5, keys, generator=torch.Generator().manual_seed(keys))
    weights[0, 0] = 0.0
    at, found = ops.largest(weights, min(8, keys))
    assert torch.equal(found, weights.topk(min(8, keys), -1).values)
    assert torch.equal(weights.gather(-1, at), found)


def test_a_strip_is_summed_to_the_same_by_any_number_of_threads() -> None:
    if library() is None:
        pytest.skip("there are no native kernels here: limelight env says why")
    weights, threads = (torch.randn(2, 37, 301) * 3).softmax(-1), torch.get_num_threads()
    weights[0, 5] = 0.0
    weights[1, 7] = torch.nan
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        mass = torch.zeros(2, 301)
        found.append((*summary.native.summed(weights, mass, past=11, top=8), mass))
    torch.set_num_threads(threads)
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, atol=0, rtol=0, equal_nan=True)
    at, got, spread, first, away, mass = found[0]
    fine = torch.ones(2, 37, dtype=torch.bool)
    fine[1, 7] = False
    torch.testing.assert_close(weights.gather(-1, at.long())[fine], got[fine], atol=0, rtol=0)
    torch.testing.assert_close(got[fine], weights.topk(8, -1).values[fine], atol=0, rtol=0)
    torch.testing.assert_close(spread[fine], entropy(weights)[fine], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(first[fine], weights[..., 0][fine], atol=0, rtol=0)
    where = (torch.arange(37)[:, None] + 11 - torch.arange(301)).abs().float()
    torch.testing.assert_close(away[fine], (weights * where).sum(-1)[fine], atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(mass[0], weights[0].sum(0), atol=1e-5, rtol=1e-5)
    assert spread[1, 7].isnan()
    assert mass[1].isnan().all()


def test_a_row_that_is_shorter_than_what_is_wanted_ends_in_nothing() -> None:
    at, found = ops.largest(torch.tensor([[0.25, 0.75]]), 4)
    assert found.tolist() == [[0.75, 0.25, 0.0, 0.0]]
    assert at[0, :2].tolist() == [1, 0]


def test_entropy_knows_its_ends() -> None:
    assert entropy(torch.tensor([[1.0, 0.0], [0.0, 0.0]])).tolist() == [0.0, 0.0]
    assert entropy(torch.full((1, 8), 0.125))[0].item() == pytest.approx(math.log(8))


def test_a_batch_of_one_row_is_enough() -> None:
    model = tiny.seq2seq(0)
    with trace(model) as seen, torch.no_grad():
        model.encode(Batch(torch.tensor([[4]])))
    view: View = seen["encoder.0.self"]
    assert summarize(view).mass.tolist() == [[[1.0]] * view.heads]
