"""Hard attention learns: REINFORCE's gradient is the exact one within its confidence interval, and all three estimators find the keys."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest
import torch

from limelight.errors import SpecError
from limelight.inputs import pad
from limelight.inputs.pairs import Pairs
from limelight.nn import Draws, Network
from limelight.spec import Attention, Dot, General, Hard, Model, Recurrent, Sparsemax, Tokens, Words
from limelight.train import Plan
from limelight.train.drawing import drawing_loss, next_token_of
from limelight.train.losses import translation_loss

KEYS, STEPS, VOCAB = 3, 2, 9
BATCHES, ROWS = 60, 64


def model(hard: Hard, *, feeding: bool = False, dim: int = 6) -> Network:
    torch.manual_seed(0)
    cross = Attention(heads=1, maps="qk", bias="", score=General(), weights=hard)
    column = {"depth": 1, "cell": "gru", "input": Tokens(vocab=VOCAB)}
    made = Network(
        Model(
            family="tiny",
            dim=dim,
            encoder=Recurrent(**column, bidirectional=True),
            decoder=Recurrent(**column, cross=cross, feeding=feeding),
            heads=(Words(),),
        )
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn(weight.shape) * 0.5)
    return made.train()


def pairs(rows: int) -> Pairs:
    return Pairs(pad([[3, 4, 5]] * rows), pad([[6, 7]] * rows))


def exact(made: Network) -> dict[str, torch.Tensor]:
    """The gradient of the expected loss of one pair, through every sequence of draws there is."""
    ways = torch.tensor(list(itertools.product(range(KEYS), repeat=STEPS)))
    both, draws = pairs(len(ways)), Draws(ways[:, None])
    before = torch.tensor([[1, 6]]).repeat(len(ways), 1)
    logits = made.logits(made.decode(before, memory=made.encode(both.source), draws=draws))
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), both.target.values, reduction="none").sum(1)
    chance = draws.logprobs().sum((1, 2, 3)).exp()
    assert abs(float(chance.detach().sum()) - 1) < 1e-5
    return gradient(made, (chance * nll).sum())


def gradient(made: Network, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    made.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in made.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("feeding", [False, True], ids=["own step", "all that follows"])
@pytest.mark.parametrize("usual", [0.0, -2.0], ids=["no baseline", "baseline"])
def test_the_drawn_gradient_is_the_exact_one_within_its_interval(feeding: bool, usual: float) -> None:
    hard = Hard(entropy=0.0, baseline=0.0)
    made = model(hard, feeding=feeding)
    wanted = exact(made)
    found: dict[str, list[torch.Tensor]] = {name: [] for name in wanted}
    for seed in range(BATCHES):
        torch.manual_seed(seed)
        (attention,) = made.attentions().values()
        attention.baseline.fill_(usual)
        sums = gradient(made, drawing_loss(made, pairs(ROWS), hard=hard, start=1).total)
        for name in wanted:
            found[name].append(sums[name] / ROWS)
    apart, spread = [], []
    for name, each in found.items():
        means = torch.stack(each)
        apart.append((means.mean(0) - wanted[name]).flatten())
        spread.append((means.std(0) / BATCHES**0.5).flatten())
    scores = torch.cat(apart) / torch.cat(spread).clamp(min=1e-7)
    assert float((scores.abs() < 1.96).float().mean()) > 0.88                      # 95 % of them, but they hang together
    assert float(scores.abs().max()) < 5
    assert float(torch.cat(apart).norm() / torch.cat([w.flatten() for w in wanted.values()]).norm()) < 0.1


def test_without_what_the_draws_earn_the_gradient_is_another() -> None:
    made = model(Hard(entropy=0.0))
    wanted = exact(made)
    torch.manual_seed(0)
    draws = Draws()
    both = pairs(4000)
    logits = made.logits(made.decode(torch.tensor([[1, 6]]).repeat(4000, 1), memory=made.encode(both.source), draws=draws))
    nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), both.target.values, reduction="sum")
    found = gradient(made, nll / 4000)
    assert "decoder.cross.q.weight" not in found                                   # nothing at all reaches the scores
    assert wanted["decoder.cross.q.weight"].norm() > 0.01


def test_trying_every_key_is_the_exact_gradient() -> None:
    made = model(Hard(estimator="enumerate"))
    loss = drawing_loss(made, pairs(1), hard=Hard(estimator="enumerate"), start=1)
    found, wanted = gradient(made, loss.total), exact(made)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-6)


def test_padding_takes_no_part() -> None:
    hard = Hard(estimator="enumerate")
    made = model(hard)
    both = Pairs(pad([[3, 4, 5], [4, 8]]), pad([[6, 7], [2]]))
    alone = [Pairs(pad([[3, 4, 5]]), pad([[6, 7]])), Pairs(pad([[4, 8]]), pad([[2]]))]
    together = drawing_loss(made, both, hard=hard, start=1)
    apart = [drawing_loss(made, each, hard=hard, start=1) for each in alone]
    assert together.tokens == 3
    torch.testing.assert_close(together.total, sum(each.total for each in apart), rtol=1e-5, atol=1e-5)


def test_reading_takes_the_best_key_and_draws_nothing() -> None:
    hard = Hard()
    made = model(hard).eval()
    torch.manual_seed(1)
    first = drawing_loss(made, pairs(2), hard=hard, start=1)
    torch.manual_seed(2)
    second = drawing_loss(made, pairs(2), hard=hard, start=1)
    assert torch.equal(first.total, second.total)
    assert torch.equal(first.total, translation_loss(made, pairs(2), start=1).total)
    assert not any(attention.baseline for attention in made.attentions().values())


def copies(rows: int, generator: torch.Generator) -> Pairs:
    """Four words to say again, in the reverse order."""
    words = torch.stack([torch.randperm(VOCAB - 3, generator=generator)[:4] + 3 for _ in range(rows)])
    return Pairs(pad(words.tolist()), pad(words.flip(1).tolist()))


@pytest.mark.parametrize(
    ("hard", "steps"),
    [(Hard(estimator="enumerate"), 250), (Hard(estimator="gumbel"), 250), (Hard(entropy=0.02), 500)],
    ids=lambda x: getattr(x, "estimator", ""),
)
def test_it_learns_where_to_look(hard: Hard, steps: int) -> None:
    made, generator = model(hard, dim=32), torch.Generator().manual_seed(5)
    loss = next_token_of(made, Plan(steps=steps, lr=1e-3), start=1)
    optimiser = torch.optim.Adam(made.parameters(), lr=5e-3)
    torch.manual_seed(3)
    for _ in range(steps):
        found = loss(made, copies(48, generator))
        optimiser.zero_grad()
        (found.total / found.tokens).backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimiser.step()
    held = translation_loss(made.eval(), copies(200, generator), start=1)
    assert float(held.nll) / held.tokens < 0.35                                    # 1.5 is what guessing among the words left costs


def test_a_second_pass_that_should_agree_is_refused() -> None:
    with pytest.raises(SpecError, match="look at different places") as caught:
        next_token_of(model(Hard()), Plan(steps=1, lr=1e-3, consistency=1.0), start=1)
    assert "consistency=0" in caught.value.hint


def test_others_learn_by_the_usual_loss() -> None:
    spec = model(Hard()).spec
    cross = Attention(heads=1, maps="", bias="", score=Dot(), weights=Sparsemax())
    plain = {f.name: getattr(spec.decoder, f.name) for f in fields(spec.decoder)} | {"cross": cross}
    made = Network(Model(family="tiny", dim=6, encoder=spec.encoder, decoder=Recurrent(**plain), heads=(Words(),)))
    assert next_token_of(made, Plan(steps=1, lr=1e-3), start=1).func is translation_loss
