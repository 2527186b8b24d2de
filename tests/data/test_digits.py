"""Strings of spoken digits: joined with their true times, the same by seed, and divided by take and by speaker."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from limelight.data.digits import FADE, RATE, Clip, by_speaker, by_take, read_digits, strings, trimmed
from limelight.errors import InputError


def loud(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.5, size).astype(np.float32)


CLIPS = [
    Clip(digit, speaker, take, loud(400 + 40 * digit + take, 100 * digit + take))
    for digit in range(10)
    for speaker in ("ann", "bob")
    for take in range(8)
]


def test_silence_at_the_ends_is_left_out() -> None:
    quiet = np.zeros(800, np.float32)
    found = trimmed(np.concatenate([quiet, loud(1000), quiet[:160], loud(640, 1), quiet]))
    assert len(found) == 1840                                        # in frames of 80 samples, with what is silent within
    assert found[0]
    assert len(trimmed(quiet)) == 800
    assert len(trimmed(loud(130))) == 130
    assert len(trimmed(quiet[:0])) == 0


def test_a_share_of_strings_is_joined_end_to_end() -> None:
    longer = [one for turn in range(20) for one in strings(CLIPS, seed=3, turn=turn, pause=0.3, close=0.5) if len(one.clips) > 1]
    close = [not any(one.pauses) for one in longer]
    assert 0.3 < sum(close) / len(close) < 0.7
    assert all(all(one.pauses) for one, end_to_end in zip(longer, close, strict=True) if not end_to_end)


@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_joins_are_true(pause: float) -> None:
    for one in strings(CLIPS, seed=3, pause=pause)[:12]:
        sound, fade = one.sound(), round(FADE * RATE)
        assert [each.word for each in one.joins] == one.text.split()
        assert one.joins[0].start == 0
        assert one.joins[-1].end == pytest.approx(len(sound) / RATE)
        for clip, join in zip(one.clips, one.joins, strict=True):
            inside = sound[round(join.start * RATE) : round(join.end * RATE)]
            np.testing.assert_array_equal(inside[fade:-fade], clip.samples[fade:-fade])
            assert abs(inside[0]) < 0.05                             # it comes and goes softly
        for before, after, gap in zip(one.joins, one.joins[1:], one.pauses, strict=False):
            assert 0 <= gap <= pause
            assert after.start - before.end == pytest.approx(gap, abs=1 / RATE)
            assert not sound[round(before.end * RATE) : round(after.start * RATE)].any()


def test_another_rate_keeps_the_times() -> None:
    one = strings(CLIPS, seed=0)[0]
    assert abs(len(one.sound(16_000)) - 2 * len(one.sound())) <= 1
    assert one.sound(16_000).dtype == np.float32


def test_each_clip_is_said_once_a_turn_and_the_seed_decides() -> None:
    def told(**options: int) -> list[tuple[tuple[int, str, int], ...]]:
        return [tuple((c.digit, c.speaker, c.take) for c in one.clips) for one in strings(CLIPS, **options)]

    found = told(seed=1)
    assert found == told(seed=1)
    assert found != told(seed=2)
    assert found != told(seed=1, turn=1)
    assert sorted(clip for one in found for clip in one) == sorted((c.digit, c.speaker, c.take) for c in CLIPS)
    assert all(len({speaker for _, speaker, _ in one}) == 1 for one in found)
    assert {len(one) for one in found} == set(range(1, 9))
    assert max(map(len, told(seed=1, longest=2))) == 2
    with pytest.raises(InputError, match="1 digit or more"):
        strings(CLIPS, seed=0, longest=0)


def test_parts() -> None:
    learnt, held = by_take(CLIPS)
    assert {each.take for each in held} == {0, 1, 2, 3, 4}
    assert {each.take for each in learnt} == {5, 6, 7}
    learnt, held = by_speaker(CLIPS, "bob")
    assert {each.speaker for each in held} == {"bob"}
    assert {each.speaker for each in learnt} == {"ann"}
    with pytest.raises(InputError, match="speaker eve of 160 clips: there is nothing to hold out"):
        by_speaker(CLIPS, "eve")
    with pytest.raises(InputError, match="nothing is left to learn from"):
        by_take(CLIPS, range(8))


def test_reading_refuses(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no recordings"):
        read_digits(tmp_path)
    soundfile.write(tmp_path / "7_ann_0.wav", loud(800), RATE)
    (clip,) = read_digits(tmp_path)
    assert (clip.digit, clip.speaker, clip.take, len(clip.samples)) == (7, "ann", 0, 800)
    (tmp_path / "seven.wav").touch()
    with pytest.raises(InputError, match=r"seven\.wav is no recording of a digit"):
        read_digits(tmp_path)


def test_the_data_set(data_sets: Path) -> None:
    """All of it: 3,000 recordings of six speakers, 300 of which are held out."""
    folder = data_sets / "free_spoken_digits" / "recordings"
    if not folder.is_dir():
        pytest.skip("free_spoken_digits is not here")
    clips = read_digits(folder)
    assert len(clips) == 3000
    assert len({each.speaker for each in clips}) == 6
    assert tuple(map(len, by_take(clips))) == (2700, 300)
    assert tuple(map(len, by_speaker(clips, "theo"))) == (2500, 500)
    assert 0.1 < np.median([len(each.samples) / RATE for each in clips]) < 1.0
    assert all(len(each.samples) for each in clips)
