"""Training the real model, not a toy: right padding needs no mask, all learns, and bfloat16 resumes bit for bit too."""

from __future__ import annotations

from pathlib import Path

import torch
from toys import END, START, VOCAB, Copies

from limelight.data import TokenBatches
from limelight.nn import Network
from limelight.spec import encoder_decoder
from limelight.train import Finished, Plan, Stepped, fit, next_token, read, translation_loss
from limelight.train.optimiser import decayed, trained


def model(dropout: float = 0.1) -> Network:
    torch.manual_seed(0)
    size = {"dim": 32, "heads": 4, "encoder_depth": 2, "decoder_depth": 2, "hidden": 64, "length": 32}
    return Network(encoder_decoder(vocab=VOCAB, dropout=dropout, **size))


def plan(steps: int, **changes: object) -> Plan:
    usual = {"lr": 3e-3, "warmup": 2, "precision": "bf16", "save_every": 2, "consistency": 1.0, "log_every": 10}
    return Plan(steps=steps, **{**usual, **changes})


def test_padded_targets_cost_what_each_of_them_costs_alone():
    calm, data = model().eval(), Copies()
    rows = data.order(0)[0]
    with torch.no_grad():
        together = translation_loss(calm, data.batch(rows), start=START)
        alone = [translation_loss(calm, data.batch([row]), start=START) for row in rows]
    assert data.batch(rows).target.keep is not None
    torch.testing.assert_close(together.nll, sum(one.nll for one in alone), rtol=1e-5, atol=1e-4)
    assert together.tokens == sum(one.tokens for one in alone)


def test_every_parameter_has_a_gradient():
    learner, data = model(), Copies()
    translation_loss(learner, data.batch(data.order(0)[0]), start=START, label_smoothing=0.1, consistency=1.0).total.backward()
    idle = {name for name, weight in trained(learner).items() if weight.grad is None or not weight.grad.any()}
    assert all(name.endswith(".k.bias") for name in idle)       # softmax does not see what is added to all keys alike


def test_only_matrices_decay():
    pulled = decayed(model())
    assert pulled
    assert all(name.endswith(".weight") and "norm" not in name and "token" not in name for name in pulled)


def test_bfloat16_with_two_passes_resumes_bit_for_bit(tmp_path: Path):
    for folder, stops in (("broken", (2, 5)), ("unbroken", (5,))):
        for steps in stops:
            how = plan(steps)
            *_, end = fit(model(), Copies(), loss=next_token(how, start=START), plan=how, folder=tmp_path / folder)
            assert isinstance(end, Finished)
    one, other = (read(tmp_path / folder / "step-00000005").tensors for folder in ("broken", "unbroken"))
    for group in ("model", "optimizer"):
        assert one[group].keys() == other[group].keys()
        assert all(torch.equal(one[group][name], other[group][name]) for name in one[group])


def test_joined_token_batches_resume_in_mid_epoch(tmp_path: Path):
    """The batches that recipes train on: numpy rows, some of them joined."""
    rows = [[3 + (i * j) % 20 for j in range(1, 2 + i % 7)] + [END] for i in range(60)]
    data = TokenBatches(rows, rows, budget=40, seed=1, pad=0, max_length=20, join=0.3)
    for folder, stops in (("broken", (3, 7)), ("unbroken", (7,))):
        for steps in stops:
            list(fit(model(), data, loss=next_token(plan(steps), start=START), plan=plan(steps), folder=tmp_path / folder))
    one, other = (read(tmp_path / folder / "step-00000007") for folder in ("broken", "unbroken"))
    assert one.state["place"] == other.state["place"]
    assert all(torch.equal(one.tensors["model"][name], other.tensors["model"][name]) for name in one.tensors["model"])


def test_it_learns_to_copy_what_it_is_shown():
    how = plan(120, consistency=0.0, precision="fp32", warmup=20, log_every=60, lr=5e-3)
    learner = model(dropout=0.0)
    steps = [e for e in fit(learner, Copies(10, 8), loss=next_token(how, start=START), plan=how) if isinstance(e, Stepped)]
    assert steps[-1].nll < 0.6 * steps[0].nll
