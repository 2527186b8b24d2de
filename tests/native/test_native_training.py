"""What a training step does besides products: the compiled twins against the plain ones."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from limelight.native import bend, training
from limelight.native.bend import gelu_tanh
from limelight.native.room import HUGE
from limelight.native.training import MANY, TRAINING
from limelight.ops.cross_entropy import PLAIN, linear_cross_entropy, softmax_slopes

native = pytest.mark.usefixtures("native")
SHAPES = [(1, 1), (3, 15), (5, 64), (2, 67), (7, 1000)]
NEAR = {torch.float32: {"rtol": 2e-6, "atol": 1e-7}, torch.bfloat16: {"rtol": 1e-2, "atol": 1e-6}}


def logits(rows: int, words: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Rows of different height, one with a word that is all but certain."""
    torch.manual_seed(0)
    x = torch.randn(rows, words) * 3 + torch.linspace(-50, 50, rows)[:, None]
    x[rows // 2, words // 2] += 200
    return x.to(dtype)


@native
@pytest.mark.parametrize("spread", [0.0, 1e-3])
@pytest.mark.parametrize("dtype", NEAR)
@pytest.mark.parametrize(("rows", "words"), SHAPES)
def test_softmax_of_both_twins(rows: int, words: int, dtype: torch.dtype, spread: float) -> None:
    x = logits(rows, words, dtype)
    ours, theirs = torch.empty_like(x), torch.empty_like(x)
    found, wanted = TRAINING.softmax(x, ours, spread), PLAIN.softmax(x, theirs, spread)
    torch.testing.assert_close(found, wanted, rtol=2e-6, atol=1e-5)
    torch.testing.assert_close(ours, theirs, **NEAR[dtype])


@native
@pytest.mark.parametrize("dtype", NEAR)
def test_softmax_in_place_and_with_none_asked_for_gives_the_same_bits(dtype: torch.dtype) -> None:
    x = logits(7, 1000, dtype)
    ours = torch.empty_like(x)
    found = TRAINING.softmax(x, ours, 1e-3)
    calm = TRAINING.softmax(x, None, 1e-3)
    again = TRAINING.softmax(x, x, 1e-3)
    assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(found, calm, again, strict=True))
    assert torch.equal(x, ours)


@native
def test_a_row_of_softmax_has_the_same_bits_alone_and_by_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = logits(7, 333, torch.bfloat16)
    wide = torch.randn(7, 400).bfloat16()
    wide[:, :333] = x
    together, apart = torch.empty_like(x), torch.empty_like(x)
    whole, _ = TRAINING.softmax(x, together, 0.0)
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        found = [TRAINING.softmax(wide[i : i + 1, :333], apart[i : i + 1], 0.0)[0] for i in range(7)]
        assert torch.equal(torch.cat(found), whole)
        assert torch.equal(apart, together)
        assert torch.equal(TRAINING.softmax(x, apart.zero_(), 0.0)[0], whole)
        assert torch.equal(apart, together)


@native
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_what_is_no_number_shows(wrong: float) -> None:
    x = logits(3, 100)
    x[1, 70] = wrong
    whole, _ = TRAINING.softmax(x, torch.empty_like(x), 0.0)
    assert whole.isfinite().tolist() == [True, False, True]


@native
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", NEAR)
def test_slopes_of_both_twins(dtype: torch.dtype, smoothing: float) -> None:
    x, targets = logits(7, 100, dtype), torch.tensor([0, 99, 50, 50, 3, 98, 64])
    ours, theirs = torch.empty_like(x), torch.empty_like(x)
    found, wanted = (
        softmax_slopes(x, targets, to, smoothing=smoothing, ways=ways) for to, ways in ((ours, TRAINING), (theirs, PLAIN))
    )
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(ours, theirs, **NEAR[dtype])


def test_a_target_that_is_no_word_is_refused() -> None:
    with pytest.raises(RuntimeError, match="out of bounds"):
        softmax_slopes(logits(2, 10), torch.tensor([3, 10]), None, ways=TRAINING)


@native
@pytest.mark.parametrize("autocast", [True, False])
def test_the_loss_of_a_linear_layer_by_both_ways(autocast: bool) -> None:
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(40, 16).requires_grad_(), torch.randn(300, 16).requires_grad_(), torch.randint(300, (40,))

    def learnt(ways) -> tuple[Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            total, nll = linear_cross_entropy(hidden, weight, None, targets, smoothing=0.1, ways=ways)
        return total.detach(), nll, *torch.autograd.grad(total, (hidden, weight))

    ours, theirs = learnt(TRAINING), learnt(PLAIN)
    for mine, wanted in zip(ours, theirs, strict=True):
        assert (mine - wanted).norm() <= (2e-3 if autocast else 2e-6) * wanted.norm()


@native
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (200, 384)])
def test_sums_of_both_twins_have_the_same_bits(shape: tuple[int, int], fresh: bool) -> None:
    made = torch.randn(shape).bfloat16()
    ours = torch.randn(shape)
    theirs = ours.clone()
    TRAINING.add(ours, made, fresh=fresh)
    PLAIN.add(theirs, made, fresh=fresh)
    assert torch.equal(ours, theirs)


@native
@pytest.mark.parametrize("threads", [1, 3])
def test_gelu_of_both_twins(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    x = torch.cat([torch.linspace(-12, 12, 20_001), torch.tensor([0.0, -0.0, 1e30, -1e30])]).bfloat16().requires_grad_()
    pull = torch.randn(x.shape).bfloat16()
    exact = x.detach().double().requires_grad_()
    form, wanted = gelu_tanh(x), F.gelu(exact, approximate="tanh")
    slope, steep = (torch.autograd.grad(y, at, pull.to(y.dtype))[0] for y, at in ((form, x), (wanted, exact)))
    torch.testing.assert_close(form.double(), wanted, rtol=2**-8, atol=1e-6)
    torch.testing.assert_close(slope.double()[:-2], steep[:-2], rtol=2**-8, atol=2e-6)
    assert torch.equal(slope[-2:], pull[-2:] * torch.tensor([1, 0]))        # where torch's own cube overflows


@native
def test_gelu_takes_what_lies_with_gaps_and_lets_others_be() -> None:
    x = torch.randn(6, 40).bfloat16()
    strided = x.T.detach().requires_grad_()
    torch.testing.assert_close(gelu_tanh(strided), F.gelu(x.T, approximate="tanh"), rtol=1e-2, atol=1e-3)
    torch.autograd.grad(gelu_tanh(strided).sum(), strided)
    assert torch.equal(gelu_tanh(x), F.gelu(x, approximate="tanh"))
    assert torch.equal(gelu_tanh(x.float().requires_grad_()), F.gelu(x.float(), approximate="tanh"))


@native
def test_large_memory_stands_on_huge_pages_and_is_its_owners_alone() -> None:
    x = training.empty((MANY // 4, 3), dtype=torch.float32, device=torch.device("cpu"))
    assert x.shape == (MANY // 4, 3)
    assert x.data_ptr() % HUGE == 0
    assert not x._is_view()
    assert x.fill_(2).sum() == 6 * (MANY // 4)


def test_without_native_code_the_plain_twins_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (training, bend):
        monkeypatch.setattr(module, "library", lambda: None)
    x, made = logits(5, 40), torch.randn(5, 40).bfloat16()
    assert all(torch.equal(a, b) for a, b in zip(TRAINING.softmax(x, None, 0.1), PLAIN.softmax(x, None, 0.1), strict=True))
    ours = x.clone()
    TRAINING.add(ours, made, fresh=False)
    assert torch.equal(ours, x + made)
    learning = made.detach().requires_grad_()
    assert torch.equal(gelu_tanh(learning), F.gelu(made, approximate="tanh"))
    assert TRAINING.empty((MANY,), dtype=torch.uint8, device=torch.device("cpu")).shape == (MANY,)
