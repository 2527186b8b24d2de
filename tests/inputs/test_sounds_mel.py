"""Frames of sound against WhisperFeatureExtractor's, and its files of settings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from limelight.errors import InputError, WeightError
from limelight.inputs.sounds import bank, frames, read_settings, write_settings
from limelight.spec import Sounds

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")


def wave(seconds: float, rate: int = 16_000) -> np.ndarray:
    """Two tones and noise, which grows."""
    at = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(size=len(at))
    return ((np.sin(2800 * at) + 0.5 * np.sin(17_000 * at) + 0.1 * noise) * 0.2 * at / seconds).astype(np.float32)


@pytest.mark.parametrize("mels", [80, 128])
def test_the_bank_is_theirs(mels: int) -> None:
    theirs = hf.WhisperFeatureExtractor(feature_size=mels).mel_filters
    assert np.abs(bank(mels, 400, 16_000).T.numpy() - theirs).max() < 1e-8


@pytest.mark.parametrize(("mels", "seconds"), [(80, 1.7), (128, 1.7), (80, 3.0), (80, 0.001)])
def test_frames_are_theirs(mels: int, seconds: float) -> None:
    theirs, sound = hf.WhisperFeatureExtractor(feature_size=mels, chunk_length=3), wave(seconds)
    wanted = theirs(sound, sampling_rate=16_000, return_tensors="pt").input_features
    found = frames([sound], Sounds(mels=mels, seconds=3)).values
    assert found.shape == wanted.shape == (1, mels, 300)
    assert (found - wanted).abs().max() < 1e-5


def test_each_row_is_what_it_is_alone() -> None:
    s, sounds = Sounds(seconds=2), [wave(0.5), wave(2.0) * 0.01, np.zeros(100, np.float32)]
    together = frames(sounds, s).values
    for row, each in zip(together, sounds, strict=True):
        torch.testing.assert_close(row, frames([each], s).values[0])
    assert together.isfinite().all()


def test_more_than_a_stretch_is_refused_and_not_cut() -> None:
    with pytest.raises(InputError, match=r"16,000 samples at most: got 16,001"):
        frames([np.zeros(16_001, np.float32)], Sounds(seconds=1))


def test_settings_are_read_as_they_are_written(tmp_path: Path) -> None:
    hf.WhisperFeatureExtractor(feature_size=128, chunk_length=10, hop_length=200).save_pretrained(tmp_path)
    found = read_settings(tmp_path, Sounds())
    assert found == Sounds(mels=128, seconds=10, hop=200)
    written = write_settings(found, "WhisperFeatureExtractor")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(written))
    assert read_settings(tmp_path, Sounds()) == found
    theirs = hf.WhisperFeatureExtractor.from_pretrained(tmp_path)
    assert (theirs.feature_size, theirs.chunk_length, theirs.hop_length, theirs.n_samples) == (128, 10, 200, 160_000)


def test_settings_inside_a_processors(tmp_path: Path) -> None:
    (tmp_path / "processor_config.json").write_text(json.dumps({"feature_extractor": {"feature_size": 128}}))
    assert read_settings(tmp_path, Sounds()).mels == 128
    assert read_settings(tmp_path / "nowhere", Sounds()) == Sounds()


@pytest.mark.parametrize("wrong", [{"feature_size": 0}, {"hop_length": "many"}, {"do_normalize": True}, {"chunk_length": 10**9}])
def test_settings_that_cannot_be(tmp_path: Path, wrong: dict[str, Any]) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(wrong))
    with pytest.raises(WeightError, match=r"preprocessor_config\.json"):
        read_settings(tmp_path, Sounds())
