"""Models are trained once, shared, and go on after a stop; their seeds decide them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from limelight import InputError
from limelight.claims import Lab, Lesson, Progress, lessons, trained
from limelight.claims.language import Small, honest_losses, losses
from limelight.claims.letters import Rows, read_letters

TINY = Small(dim=16, depth=1, heads=2, length=16, rows=4, steps=12, warmup=2)


def lesson(small: Small = TINY, *, sees_all: bool = False) -> Lesson:
    letters = read_letters()
    return small.lesson("tiny", small.spec(len(letters.alphabet), sees_all=sees_all), letters)


def test_trained_once_and_the_same_again(text: Path, tmp_path: Path) -> None:
    first = trained(Lab(tmp_path / "a"), lesson(), 0)
    before = first.weights.stat().st_mtime_ns
    again = trained(Lab(tmp_path / "a"), lesson(), 0)
    assert again.figures == first.figures
    assert first.weights.stat().st_mtime_ns == before
    elsewhere, other = trained(Lab(tmp_path / "b"), lesson(), 0), trained(Lab(tmp_path / "b"), lesson(), 1)
    assert elsewhere.figures["curve"] == first.figures["curve"]
    assert other.figures["curve"] != first.figures["curve"]
    assert torch.equal(elsewhere.model().decoder.embed.table.weight, first.model().decoder.embed.table.weight)


def test_it_learns(text: Path, tmp_path: Path) -> None:
    curve = trained(Lab(tmp_path), lesson(), 0).figures["curve"]
    assert curve[0][0] == 1
    assert curve[-1][0] == 12
    assert curve[-1][1] < curve[0][1]


def test_a_stop_in_a_long_training_goes_on_at_its_checkpoint(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "SAVE_EVERY", 4)
    steps: list[int] = []

    def stop(told: Progress) -> None:
        steps.append(told.done)
        if told.done == 6:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(Lab(tmp_path / "a", tell=stop), lesson(), 0)
    assert 0 < max(steps) < 12
    steps.clear()
    resumed = trained(Lab(tmp_path / "a", tell=lambda told: steps.append(told.done)), lesson(), 0)
    assert min(step for step in steps if step > 1) >= 6
    unbroken = trained(Lab(tmp_path / "b"), lesson(), 0)
    assert resumed.figures["curve"] == unbroken.figures["curve"]
    assert torch.equal(resumed.model().decoder.embed.table.weight, unbroken.model().decoder.embed.table.weight)
    assert not (resumed.weights.parent / "run").exists()


def test_measured_of_a_model_is_a_cell(text: Path, tmp_path: Path) -> None:
    lab, asked = Lab(tmp_path), []

    def ask(model: object) -> dict[str, float]:
        asked.append(model)
        return {"nats": 1.0}

    found = trained(lab, lesson(), 0)
    assert [found.measured(lab, "loss", {"rows": rows}, ask)["nats"] for rows in (1, 1, 2)] == [1.0, 1.0, 1.0]
    assert len(asked) == 2


def test_weights_that_have_gone(text: Path, tmp_path: Path) -> None:
    found = trained(Lab(tmp_path), lesson(), 0)
    found.weights.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        found.model()


def test_losses_are_honest_where_a_mask_is(text: Path, tmp_path: Path) -> None:
    letters, lab = read_letters(), Lab(tmp_path)
    rows = letters.held_out(3, 16)
    masked, free = (trained(lab, lesson(sees_all=sees_all), 0).model() for sees_all in (False, True))
    assert torch.allclose(losses(masked, rows), honest_losses(masked, rows), atol=1e-5)
    apart = (losses(free, rows) - honest_losses(free, rows)).abs()
    assert apart[:, :-1].min() > 0
    assert torch.allclose(apart[:, -1], torch.zeros(3), atol=1e-5)          # at the last place there is nothing later


def test_held_out_rows_are_of_the_end(text: Path) -> None:
    letters = read_letters()
    rows = letters.held_out(5, 20)
    assert rows.shape == (5, 21)
    assert torch.equal(rows[-1], letters.ids[-21:])
    assert torch.equal(rows[0], letters.ids[len(letters.learnt) :][:21])
    drawn = Rows(letters, 3, 20, seed=0)
    pairs = drawn.batch(drawn.order(0)[0])
    assert pairs.source is not None
    assert torch.equal(pairs.source.values[:, 1:], pairs.target.values[:, :-1])
    with pytest.raises(InputError, match="wants"):
        letters.held_out(5, len(letters.ids))
