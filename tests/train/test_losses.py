"""The fast loss against a plain twin: values and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from toys import END, START, VOCAB, Copies, Toy

from limelight.errors import InputError
from limelight.inputs.batch import pad
from limelight.inputs.pairs import Pairs
from limelight.nn import Network
from limelight.ops import cross_entropy
from limelight.spec import decoder_only, encoder_decoder
from limelight.train import Plan, losses, translation_loss
from limelight.train.softmax_loss import softmax_loss as fast

PLAN = Plan(steps=1)


def plain_rdrop(logits: Tensor, targets: Tensor, smoothing: float, consistency: float) -> Tensor:
    """Liang et al. 2021, equation 4, halved, in the most literal way."""
    first, second = logits.chunk(2)
    entropy = sum(F.cross_entropy(half, targets, label_smoothing=smoothing, reduction="sum") for half in (first, second))
    logp, logq = first.log_softmax(-1), second.log_softmax(-1)
    kl = F.kl_div(logq, logp, log_target=True, reduction="sum") + F.kl_div(logp, logq, log_target=True, reduction="sum")
    return (entropy + consistency * kl / 2) / 2


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("chunk", [1, 100, 1 << 19])
def test_smoothed_cross_entropy_is_torchs(smoothing: float, chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(cross_entropy.WALK, "cpu", chunk)
    torch.manual_seed(1)
    logits, targets = (torch.randn(17, VOCAB, dtype=torch.float64) * 4).requires_grad_(), torch.randint(VOCAB, (17,))
    wanted = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum")
    (slope,) = torch.autograd.grad(3 * wanted, logits)
    ours = logits.detach().float().requires_grad_()
    total, nll = fast(ours, targets, smoothing=smoothing)
    (3 * total).backward()
    torch.testing.assert_close(total.double(), wanted.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(nll.double(), F.cross_entropy(logits.detach(), targets, reduction="sum"), rtol=1e-6, atol=0)
    torch.testing.assert_close(ours.grad.double(), slope, rtol=1e-5, atol=1e-6)
    assert not nll.requires_grad


@pytest.mark.parametrize("chunk", [1, 100, 1 << 19])
def test_consistency_is_rdrop(chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(cross_entropy.WALK, "cpu", chunk)
    torch.manual_seed(2)
    logits, targets = (torch.randn(2 * 11, VOCAB, dtype=torch.float64) * 3).requires_grad_(), torch.randint(VOCAB, (11,))
    wanted = plain_rdrop(logits, targets, 0.1, 5.0)
    wanted.backward()
    ours = logits.detach().float().requires_grad_()
    total, nll = fast(ours, targets, smoothing=0.1, consistency=5.0)
    total.backward()
    torch.testing.assert_close(total.double(), wanted.detach(), rtol=1e-6, atol=0)
    torch.testing.assert_close(ours.grad.double(), logits.grad, rtol=1e-5, atol=1e-6)
    both = F.cross_entropy(logits.detach(), targets.repeat(2), reduction="sum")
    torch.testing.assert_close(nll.double(), both / 2, rtol=1e-6, atol=0)


def test_bfloat16_logits_stay_near_and_their_gradient_is_bfloat16():
    torch.manual_seed(3)
    logits, targets = (torch.randn(40, VOCAB) * 3).bfloat16().requires_grad_(), torch.randint(VOCAB, (40,))
    wanted = F.cross_entropy(logits.float(), targets, label_smoothing=0.1, reduction="sum")
    (slope,) = torch.autograd.grad(wanted, logits)
    total, _ = fast(logits, targets, smoothing=0.1)
    total.backward()
    torch.testing.assert_close(total, wanted.detach(), rtol=1e-6, atol=0)
    assert logits.grad.dtype == torch.bfloat16
    torch.testing.assert_close(logits.grad, slope, rtol=1e-2, atol=1e-3)


def plain_translation(model: Toy, pairs: Pairs, smoothing: float) -> Tensor:
    """Logits at every slot, padding left out afterwards."""
    target = pairs.target
    before = F.pad(target.values, (1, 0), value=START)[:, :-1]
    logits = model.logits(model.decode(before, memory=model.encode(pairs.source)))
    wanted = target.values if target.keep is None else target.values.masked_fill(~target.keep, -100)
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), label_smoothing=smoothing, reduction="sum", ignore_index=-100)


@pytest.mark.parametrize("few", [4096, 3])
def test_translation_loss_and_gradients_are_the_plain_ones(few: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(losses, "FEW_ROWS", few)
    monkeypatch.setattr(losses, "FEW_ELEMENTS", VOCAB * 4)      # pieces of four rows when `few` is small
    model, data = Toy(dropout=0.0), Copies()
    pairs = data.batch(data.order(0)[0])
    wanted = torch.autograd.grad(plain_translation(model, pairs, 0.1), model.parameters())
    found = translation_loss(model, pairs, start=START, label_smoothing=0.1)
    got = torch.autograd.grad(found.total, model.parameters())
    torch.testing.assert_close(found.total, plain_translation(model, pairs, 0.1))
    torch.testing.assert_close(found.nll, plain_translation(model, pairs, 0.0).detach())
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    assert found.tokens == pairs.tokens


@pytest.mark.parametrize("few", [4096, 3])
def test_two_passes_see_different_dropout_and_pay_for_it(few: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(losses, "FEW_ROWS", few)
    monkeypatch.setattr(losses, "FEW_ELEMENTS", VOCAB * 8)
    model, data = Toy(dropout=0.3), Copies()
    pairs = data.batch(data.order(0)[0])

    def loss(weight: float) -> float:
        torch.manual_seed(4)
        found = translation_loss(model, pairs, start=START, consistency=weight)
        assert found.tokens == pairs.tokens
        return float(found.total.detach())

    one, two, three = loss(1e-9), loss(1.0), loss(2.0)
    assert two - one > 1e-3       # the passes differ
    assert three - two == pytest.approx(two - one, rel=1e-3)
    with torch.no_grad():
        calm = translation_loss(model.eval(), pairs, start=START, consistency=1.0)
    assert float(calm.total) == pytest.approx(float(calm.nll))     # evaluation: one pass, nothing to disagree with


def test_rdrop_without_dropout_is_one_pass():
    model, data = Toy(dropout=0.0), Copies()
    pairs = data.batch(data.order(0)[0])
    one = translation_loss(model, pairs, start=START, label_smoothing=0.1)
    two = translation_loss(model, pairs, start=START, label_smoothing=0.1, consistency=3.0)
    torch.testing.assert_close(two.total, one.total)


def test_a_language_model_needs_no_source():
    model, data = Toy(dropout=0.0), Copies()
    pairs = Pairs(None, data.batch(data.order(0)[0]).target)
    assert translation_loss(model, pairs, start=START).total.isfinite()


def test_only_real_places_meet_the_vocabulary():
    rows = []

    class Counting(Toy):
        def logits(self, hidden: Tensor) -> Tensor:
            rows.append(len(hidden))
            return super().logits(hidden)

    target = pad([[5, END], [5, 6, 7, 8, END]])
    translation_loss(Counting(), Pairs(target, target), start=START)
    assert rows == [7]


def test_left_padding_is_refused():
    target = pad([[5, END], [5, 6, END]], side="left")
    with pytest.raises(InputError, match="padded on the left or in the middle, wanted on the right"):
        translation_loss(Toy(), Pairs(target, target), start=START)


def test_a_prompt_is_read_and_only_the_answer_learnt():
    """Against a plain sum over the tokens that are to be said, each given all before it in its row."""
    model = Toy(dropout=0.0)
    rows, masks = [[5, 6, END, 7, 8, END], [9, END, 4, END], [3, 4, END, 5, END]], [[0, 0, 0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0, 1]]
    wanted = torch.zeros(())
    for row, mask in zip(rows, masks, strict=True):
        logp = model.logits(model.decode(torch.tensor([row[:-1]])))[0].log_softmax(-1)
        wanted = wanted - sum(logp[i - 1, row[i]] for i, said in enumerate(mask) if said)
    pairs = Pairs(None, pad(rows), pad(masks).values.bool())
    found = translation_loss(model, pairs, start=None)
    assert found.tokens == pairs.tokens == 6
    torch.testing.assert_close(found.total, wanted)
    torch.testing.assert_close(
        torch.autograd.grad(found.total, model.parameters(), allow_unused=True),
        torch.autograd.grad(wanted, model.parameters(), allow_unused=True),
    )


def test_what_is_learnt_may_be_told_of_whole_rows_and_with_a_start():
    model, target = Toy(dropout=0.0), pad([[5, 6, END], [7, 8, END]])
    every = translation_loss(model, Pairs(None, target), start=START)
    mask = torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(translation_loss(model, Pairs(None, target, mask), start=START).total, every.total, rtol=0, atol=0)
    assert translation_loss(model, Pairs(None, target), start=None).tokens == 4
    mask[:, 0] = False
    assert translation_loss(model, Pairs(None, target, mask), start=START).tokens == 4


class Multiplied(torch.nn.Module):
    """A network whose logits are always made."""

    def __init__(self, net: Network):
        super().__init__()
        self.encode, self.decode, self.logits, self.weights = net.encode, net.decode, net.logits, net.parameters
        self.net = net


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("source", [True, False])
def test_a_network_is_taught_the_same_without_its_logits(source: bool, smoothing: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(cross_entropy.CHUNK, "cpu", 4 * VOCAB)
    torch.manual_seed(0)
    sizes = {"vocab": VOCAB, "dim": 8, "heads": 2}
    net = Network(encoder_decoder(**sizes, encoder_depth=1, decoder_depth=1, hidden=16) if source else decoder_only(**sizes, depth=2))
    data = Copies()
    pairs = data.batch(data.order(0)[0])
    pairs = pairs if source else Pairs(None, pairs.target)
    monkeypatch.setattr(net, "logits", None)                       # nobody asks for them
    ours = translation_loss(net, pairs, start=START, label_smoothing=smoothing)
    monkeypatch.undo()
    theirs = translation_loss(Multiplied(net), pairs, start=START, label_smoothing=smoothing)
    torch.testing.assert_close((ours.total, ours.nll), (theirs.total, theirs.nll))
    assert ours.tokens == theirs.tokens
    got, wanted = (torch.autograd.grad(each.total, net.parameters()) for each in (ours, theirs))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_what_is_forgotten_is_not_read_while_it_learns_and_read_in_use() -> None:
    torch.manual_seed(3)
    model = Network(decoder_only(vocab=VOCAB, dim=16, heads=2, depth=1, hidden=32, length=12, dropout=0.0)).train()
    rows = torch.randint(3, VOCAB, (4, 7)).tolist()
    pairs = Pairs(None, pad(rows))

    def nll(share: float) -> float:
        forgetting = losses.Forgetting(share, 0)
        return float(losses.next_token(PLAN, start=START, forgetting=forgetting)(model, pairs).nll)

    blank = torch.zeros(4, 7, dtype=torch.long)
    wanted = F.cross_entropy(model.logits(model.decode(blank)).flatten(0, 1), torch.tensor(rows).flatten(), reduction="sum")
    assert nll(1 - 1e-9) == pytest.approx(float(wanted.detach()), rel=1e-5)
    plain = nll(0.0)
    torch.manual_seed(4)
    assert nll(0.5) not in (plain, pytest.approx(float(wanted.detach())))
    model.eval()
    assert nll(0.5) == pytest.approx(plain, rel=1e-6)
