"""Batches that are made when their turn comes: the same on any machine and after any interruption, and sound that is disturbed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from limelight.data.disturbing import Disturbed, disturbed, wiped
from limelight.data.raw_batches import RawBatches
from limelight.errors import InputError


def batches(seed: int = 0) -> RawBatches[int, tuple[list[int], int]]:
    def make(examples: list[int], random: np.random.Generator) -> tuple[list[int], int]:
        return list(examples), int(random.integers(1 << 30))

    return RawBatches(lambda epoch: list(range(100 * epoch, 100 * epoch + 10)), make, size=4, seed=seed)


def test_each_example_comes_once_an_epoch_and_draws_are_their_places() -> None:
    one, two = batches(), batches()
    for epoch in (0, 3):
        made = [one.batch(each) for each in one.order(epoch)]
        assert Counter(x for examples, _ in made for x in examples) == Counter(range(100 * epoch, 100 * epoch + 10))
        assert [len(examples) for examples, _ in made] == [4, 4, 2]
        assert [two.batch(each) for each in two.order(epoch)][::-1] == made[::-1]
        assert len({drawn for _, drawn in made}) == 3
    assert [each.tolist() for each in one.order(0)] != [each.tolist() for each in batches(seed=1).order(0)]
    with pytest.raises(InputError, match="nothing to learn from"):
        RawBatches(lambda _: [], lambda *_: None, size=4, seed=0)


def test_sound_is_disturbed_within_bounds_and_not_where_nothing_is_asked() -> None:
    wave = np.sin(np.arange(8000, dtype=np.float32) / 5)
    assert (disturbed(wave, Disturbed(), np.random.default_rng(0)).samples == wave).all()
    lengths, levels = [], []
    for seed in range(20):
        found, faster = disturbed(wave, Disturbed(speed=0.1, gain=0.5), np.random.default_rng(seed))
        assert found.dtype == np.float32
        assert abs(len(found) * faster - len(wave)) < 2
        lengths.append(len(found))
        levels.append(float(np.sqrt((found**2).mean())) / float(np.sqrt((wave**2).mean())))
    assert 7200 <= min(lengths) < 7600 < 8400 < max(lengths) <= 8900
    assert 0.48 < min(levels) < 0.6 < 0.9 < max(levels) < 1.02
    noisy = disturbed(wave, Disturbed(noise=0.1), np.random.default_rng(3)).samples
    assert 0 < np.abs(noisy - wave).mean() < 0.1
    assert len(disturbed(np.zeros(0, np.float32), Disturbed(speed=0.1, gain=0.5, noise=0.1), np.random.default_rng(0)).samples) == 0


def test_runs_of_mels_and_frames_are_wiped_out() -> None:
    frames = torch.rand(3, 40, 200) + 1
    found = wiped(frames, Disturbed(bands=2, gaps=3), np.random.default_rng(1))
    assert (frames > 0.99).all()
    for row, was in zip(found, frames, strict=True):
        gone = row != was
        assert (row[gone] == was.min()).all()
        assert 0 < gone.float().mean() < 0.5
    assert torch.equal(wiped(frames, Disturbed(), np.random.default_rng(1)), frames)
