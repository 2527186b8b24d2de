"""What is heard beside what was said, and when each token of it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from limelight.data.digits import Clip, Spoken
from limelight.data.disturbing import Disturbed
from limelight.data.sound_lessons import SoundLessons, align, spans
from limelight.inputs import Text
from limelight.spec import Sounds

SOUNDS = Sounds(rate=8000, seconds=2, window=200, hop=80, mels=8)             # 50 vectors a second
TEXT = Text.train(["seven two six"] * 20, vocab=290, lower=True)


def string() -> Spoken:
    clips = tuple(Clip(digit, "ann", 0, np.full(size, 0.1, np.float32)) for digit, size in ((7, 4000), (2, 2000), (6, 2400)))
    return Spoken(clips, (0.0, 0.1))


def test_tokens_have_the_times_of_their_words() -> None:
    said = TEXT.encode(string().text)
    times = spans(said, string().joins)
    assert len(times) == len(said.ids)
    of = {"seven": (0.0, 0.5), "two": (0.5, 0.75), "six": (0.85, 1.15)}
    for (a, z), time in zip(said.offsets[:-1], times[:-1], strict=True):
        word = next(word for word in of if said.text[a:z].strip() in word and said.text.index(word) <= a + 1 < said.text.index(word) + 6)
        assert time == pytest.approx(of[word])
    assert times[-1] == pytest.approx((1.15, 1.25))                             # the end mark
    assert spans(said, ()) == []


def test_a_token_is_spread_over_its_time() -> None:
    row = torch.zeros(4, 10)
    align(row, [(0.0, 0.5), (0.5, 0.52), (0.9, 3.0)], rate=10.0)
    torch.testing.assert_close(row[0], torch.tensor([0.2] * 5 + [0.0] * 5))
    assert torch.equal(row[1], torch.eye(10)[5])
    assert torch.equal(row[2], torch.eye(10)[9])                                # as far as there is anything to look at
    assert not row[3].any()


@pytest.mark.parametrize("speed", [0.0, 0.3])
def test_a_lesson_is_aligned_at_the_speed_that_it_is_heard_at(speed: float) -> None:
    make = SoundLessons(TEXT, SOUNDS, Disturbed(speed=speed))
    pairs = make([string()], np.random.default_rng(5))
    assert pairs.aligned is not None
    assert pairs.aligned.shape == (1, pairs.target.values.shape[1], 100)
    torch.testing.assert_close(pairs.aligned.sum(-1), torch.ones(1, pairs.target.values.shape[1]))
    said = TEXT.encode(string().text)
    first_of_two = next(i for i, (a, z) in enumerate(said.offsets) if said.text[a:z].strip() and a >= 5)
    starts = int(pairs.aligned[0, first_of_two].nonzero()[0])
    faster = 1 + float(np.random.default_rng(5).uniform(-speed, speed))
    assert starts == int(0.5 / faster * 50)
    assert speed == 0 or starts != 25


def test_they_are_moved_with_their_pairs() -> None:
    pairs = SoundLessons(TEXT, SOUNDS, Disturbed())([string()], np.random.default_rng(0)).to("cpu")
    assert pairs.aligned is not None
