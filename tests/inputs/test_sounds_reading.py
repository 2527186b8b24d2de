"""Sounds from files of every kind: read alike, or refused in one line."""

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from limelight.errors import InputError
from limelight.inputs.sounds import open_pcm, open_sound
from limelight.measure.memory import peak

RATE = 16_000


def tone(seconds: float = 0.5, rate: int = RATE, channels: int = 1) -> np.ndarray:
    at = np.arange(int(seconds * rate)) / rate
    one = (0.5 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    return one if channels == 1 else np.stack([one * (c + 1) / channels for c in range(channels)], 1)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max())


@pytest.mark.parametrize(
    ("kind", "subtype", "exact"),
    [("WAV", "PCM_U8", 0.01), ("WAV", "PCM_16", 1e-4), ("WAV", "PCM_24", 1e-6), ("WAV", "FLOAT", 0), ("FLAC", "PCM_24", 1e-6),
     ("AIFF", "PCM_S8", 0.01), ("WAV", "ULAW", 0.03), ("CAF", "PCM_32", 1e-6), ("OGG", "VORBIS", 0.1)],
)  # fmt: skip
def test_numbers_of_every_kind(tmp_path: Path, kind: str, subtype: str, exact: float) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, tone(), RATE, subtype, format=kind)
    sound = open_sound(path, RATE)
    assert sound.seconds == 0.5
    found = sound.whole()
    assert found.dtype == np.float32
    assert apart(found, tone()) <= exact
    assert apart(open_sound(path.read_bytes(), RATE).whole(), found) == 0.0


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_any_rate(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", tone(rate=rate), rate, "FLOAT")
    found = open_sound(tmp_path / "a.wav", RATE).whole()
    assert abs(len(found) - RATE // 2) <= 1
    assert apart(found[800:7000], tone()[800:7000]) < 2e-3


def test_channels_are_mixed_evenly(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(channels=5), RATE, "FLOAT")
    assert apart(open_sound(tmp_path / "a.wav", RATE).whole(), tone() * 0.6) < 1e-6


def test_samples_and_pipes() -> None:
    assert apart(open_sound(tone(), RATE).whole(), tone()) == 0.0
    assert abs(len(open_sound(tone(rate=48_000), RATE, had=48_000).whole()) - RATE // 2) <= 1
    pipe = io.BytesIO((tone() * 32767).astype("<i2").tobytes() + b"\1")
    assert apart(open_pcm(pipe, RATE, RATE).whole(), tone()) < 1e-4
    with pytest.raises(InputError, match="fractions"):
        open_sound(np.zeros(10, np.int16), RATE)
    with pytest.raises(InputError, match="3 samples a second"):
        open_pcm(io.BytesIO(), 3, RATE)


def test_silence_is_a_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(100, np.float32), RATE)
    assert not open_sound(tmp_path / "a.wav", RATE).whole().any()


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    for kind in ("wav", "flac", "aiff", "au", "w64", "rf64"):
        path = tmp_path / f"a.{kind}"
        soundfile.write(path, np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.1, RATE, format=kind.upper())
        assert len(open_sound(path, RATE).whole()) == RATE
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with refused_at_once("breaks off"):
            open_sound(path, RATE).whole()


def test_a_pipes_length_is_not_believed(tmp_path: Path) -> None:
    """What sox and ffmpeg write into a pipe has no length in its header."""
    soundfile.write(tmp_path / "a.wav", tone(), RATE, "PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    assert len(open_sound(bytes(data), RATE).whole()) == RATE // 2


def claims_ten_hours(kind: str) -> bytes:
    """A header for ten hours, and a second of sound."""
    out = io.BytesIO()
    soundfile.write(out, tone(1.0), RATE, format=kind, subtype="PCM_16")
    data, samples = bytearray(out.getvalue()), 36_000 * RATE
    match kind:
        case "WAV":
            data[4:8], data[40:44] = (2 * samples + 36).to_bytes(4, "little"), (2 * samples).to_bytes(4, "little")
        case "FLAC":
            data[22:26] = samples.to_bytes(4, "big")                 # the low 32 bits of STREAMINFO's 36
        case "AU":
            data[8:12] = (2 * samples).to_bytes(4, "big")
        case "AIFF":
            at = data.index(b"SSND")
            data[4:8], data[at + 4 : at + 8] = (2 * samples + 46).to_bytes(4, "big"), (2 * samples + 8).to_bytes(4, "big")
            frames = data.index(b"COMM") + 10
            data[frames : frames + 4] = samples.to_bytes(4, "big")
    return bytes(data)


@contextmanager
def refused_at_once(said: str) -> Iterator[None]:
    """In one line, within a tenth of a second of work, with little memory."""
    with peak() as extra:
        began = time.process_time()
        with pytest.raises(InputError, match=said) as caught:
            yield
        took = time.process_time() - began
    assert took < 0.1
    assert extra() < 50
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AU", "AIFF"])
def test_ten_hours_that_are_none(tmp_path: Path, kind: str) -> None:
    data = claims_ten_hours(kind)
    (tmp_path / "long").write_bytes(data)
    for given in (tmp_path / "long", data):
        with refused_at_once(r"10\.0 hours|breaks off"):
            open_sound(given, RATE).whole()


def test_eight_channels_and_one_sample(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "eight.wav", tone(channels=8), RATE, "PCM_24")
    assert apart(open_sound(tmp_path / "eight.wav", RATE).whole(), tone() * 4.5 / 8) < 1e-5
    soundfile.write(tmp_path / "one.wav", tone()[5:6], RATE, "FLOAT")
    assert open_sound(tmp_path / "one.wav", RATE).whole().tolist() == tone()[5:6].tolist()
    soundfile.write(tmp_path / "one.wav", tone()[5:6], 44_100, "FLOAT")
    assert len(open_sound(tmp_path / "one.wav", RATE).whole()) <= 1
    soundfile.write(tmp_path / "many.wav", np.zeros((10, 65), np.float32), RATE)
    with refused_at_once("65 channels; at most 64"):
        open_sound(tmp_path / "many.wav", RATE)


def test_what_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("This is not a sound.\n" * 20)
    (tmp_path / "bare.raw").write_bytes(bytes(1000))
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), RATE)
    soundfile.write(tmp_path / "infinite.wav", np.full(10, np.inf, np.float32), RATE, "FLOAT")
    soundfile.write(tmp_path / "slow.wav", tone(), 100)
    for name, said in {
        "empty.wav": "0 bytes", "text.wav": "no sound that is read", "bare.raw": "no sound that is read", "none.wav": "0 samples",
        "infinite.wav": "infinite", "slow.wav": "100 samples a second", "missing.wav": "no such file", ".": "a folder", "a\0b": "a\0b",
    }.items():  # fmt: skip
        with refused_at_once(said):
            open_sound(f"{tmp_path}/{name}", RATE).whole()
