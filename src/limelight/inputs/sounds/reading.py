"""A sound's file, its header first: what it claims to be decides whether it is decoded at all; then piece by piece, so that an hour of
it takes no more memory than a minute."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr
from jaxtyping import Float

from ...errors import InputError, first_line

MOST_SECONDS = 6 * 3600                  # of a file; a pipe may go on for ever
MOST_BYTES = 4 << 30
RATES = (1_000, 768_000)
MOST_CHANNELS = 64
PIECE = 1 << 18                          # numbers of all channels that are decoded at once
ENDLESS = (0, 0xFFFFFFFF)                # what stands for a length that whoever wrote into a pipe did not know
HEAD = 28                                # bytes that say how long a file of the older kinds is
ENDINGS = (".aif", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".w64", ".wav")
KINDS = "WAV, FLAC, OGG, MP3, AIFF, AU, CAF and what else libsndfile knows"

Samples = Float[np.ndarray, " n"]


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound in one channel at `rate` samples a second, which comes in `pieces`; `seconds`: how long, None where nobody knows yet;
    `name`: for messages. The pieces may be gone through once, and raise InputError where the file breaks off."""

    pieces: Iterator[Samples]
    rate: int
    seconds: float | None = None
    name: str = "the sound"

    def whole(self) -> Samples:
        """All of it."""
        return np.concatenate([np.zeros(0, np.float32), *self.pieces])


def open_sound(given: str | os.PathLike[str] | bytes | np.ndarray | Sound, rate: int, *, had: int | None = None) -> Sound:
    """A file, its bytes, or samples (n) or (n channels) that were taken at `had` a second -> a sound at `rate`, channels mixed evenly.

    Raises InputError in one line for what is not there, is no sound, is empty, is longer than MOST_SECONDS, or holds less than it claims;
    damage behind the header is found when it is come to.
    """
    if isinstance(given, Sound):
        return given
    if isinstance(given, np.ndarray):
        return _from_array(given, rate, had or rate)
    name = "the sound" if isinstance(given, bytes) else str(given)
    file = _opened(given, name)
    seconds = file.frames / file.samplerate
    return Sound(_at(_decoded(file, name), file.samplerate, rate), rate, seconds, name)


def open_pcm(source: io.BufferedIOBase, had: int, rate: int, *, name: str = "standard input") -> Sound:
    """Bare samples out of a pipe, 16 bits each with the low byte first, one channel, `had` a second -> a sound that goes on as they come.

    Raises InputError for a rate that no sound has.
    """
    _check_rate(had, name)
    return Sound(_at(_pcm(source, had), had, rate), rate, None, name)


def _pcm(source: io.BufferedIOBase, had: int) -> Iterator[Samples]:
    """A tenth of a second at a time; half a sample at the end is none."""
    rest = b""
    while block := source.read1(2 * max(1, had // 10)):              # what is there, rather than wait for all that was asked
        block = rest + block
        whole = len(block) // 2 * 2
        rest = block[whole:]
        if whole:
            yield np.frombuffer(block[:whole], "<i2").astype(np.float32) / 32768.0


# --- files ----------------------------------------------------------------------------------------------------------
def _opened(given: str | os.PathLike[str] | bytes, name: str) -> soundfile.SoundFile:
    size, head = (len(given), given[:HEAD]) if isinstance(given, bytes) else _file(Path(given), name)
    if not size:
        raise InputError(f"{name} is empty: 0 bytes.", "Give a recording.")
    try:
        file = soundfile.SoundFile(io.BytesIO(given) if isinstance(given, bytes) else str(given))
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError, OSError) as error:
        said = first_line(error).removeprefix("Error opening ").partition(": ")[2].rstrip(".") or first_line(error)
        raise InputError(f"{name} is no sound that is read here: {said}.", f"Kinds that are: {KINDS}.") from None
    try:
        _check(file, head, size, name)
    except InputError:
        file.close()
        raise
    return file


def _file(path: Path, name: str) -> tuple[int, bytes]:
    """Its size, and how it begins."""
    try:
        if not path.is_file():
            raise InputError(f"{name}: {'a folder' if path.is_dir() else 'no such file'}.", "Give the file of a recording.")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise InputError(f"{name} has {size:,} bytes; at most {MOST_BYTES:,} are read.", "Cut it into parts.")
        with path.open("rb") as file:
            return size, file.read(HEAD)
    except (OSError, ValueError) as error:                           # ValueError: a name with a null byte in it
        raise InputError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.", "Is the name right?") from None


def _check(file: soundfile.SoundFile, head: bytes, size: int, name: str) -> None:
    """What the header claims."""
    _check_rate(file.samplerate, name)
    if file.channels > MOST_CHANNELS:
        raise InputError(f"{name} has {file.channels:,} channels; at most {MOST_CHANNELS} are mixed.", "Mix it down first.")
    seconds = file.frames / file.samplerate
    if seconds > MOST_SECONDS:
        hours = f"{seconds / 3600:,.1f} hours"
        raise InputError(f"{name} says that it is {hours} long; at most {MOST_SECONDS // 3600} are read.", "Cut it into parts.")
    if (claimed := _claimed(head)) is not None and claimed > size + 1:            # an odd last byte may go without its filler
        raise _short(name, f"{size:,} of {claimed:,} bytes are there")
    if not file.frames:
        raise InputError(f"{name} is empty: its header says 0 samples.", "Give a recording, whole.")


def _claimed(head: bytes) -> int | None:
    """How many bytes the file has, as it begins; None where that is not said there. libsndfile reads what there is of these kinds."""
    def number(at: int, order: Literal["little", "big"], size: int = 4) -> int:
        return int.from_bytes(head[at : at + size], order)

    match head[:4]:
        case b"RIFF":
            sizes = (number(4, "little"), 8)
        case b"RIFX" | b"FORM":
            sizes = (number(4, "big"), 8)
        case b".snd":
            sizes = (number(8, "big"), number(4, "big"))
        case b"RF64" if head[12:16] == b"ds64":
            sizes = (number(20, "little", 8), 8)
        case b"riff":
            sizes = (number(16, "little", 8), 0)
        case _:
            return None
    return None if sizes[0] in ENDLESS else sum(sizes)


def _check_rate(rate: int, name: str) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"{name} has {rate:,} samples a second; {RATES[0]:,} to {RATES[1]:,} are read.", "Resample it first.")


def _decoded(file: soundfile.SoundFile, name: str) -> Iterator[Samples]:
    """All channels as one, a piece at a time."""
    with file:
        size, found = max(1, PIECE // file.channels), 0
        while True:
            try:
                block = file.read(size, dtype="float32", always_2d=True)
            except (soundfile.SoundFileError, RuntimeError) as error:
                raise _short(name, f"{first_line(error).rstrip('.')} after {found / file.samplerate:,.1f} s") from None
            if not len(block):
                break
            found += len(block)
            yield _mixed(block, name)
        if found < file.frames:
            raise _short(name, f"{found / file.samplerate:,.1f} of {file.frames / file.samplerate:,.1f} s are there")


def _short(name: str, said: str) -> InputError:
    return InputError(f"{name} breaks off: {said}.", "The file is damaged, or was not copied whole.")


def _mixed(block: np.ndarray, name: str) -> Samples:
    out = block.mean(1, dtype=np.float32) if block.ndim > 1 else block.astype(np.float32, copy=False)
    if not np.isfinite(out).all():
        raise InputError(f"{name} holds numbers that are no sound (infinite, or none at all).", "Is it a recording?")
    return out


def _from_array(given: np.ndarray, rate: int, had: int) -> Sound:
    name = "the sound"
    if given.ndim not in (1, 2) or not given.size or not np.issubdtype(given.dtype, np.floating):
        told = f"{given.dtype} {given.shape}"
        raise InputError(f"samples are fractions, (n) or (n channels): got {told}.", "Divide whole numbers by the largest of their kind.")
    _check_rate(had, name)
    return Sound(_at(iter([_mixed(given, name)]), had, rate), rate, len(given) / had, name)


def _at(pieces: Iterator[Samples], had: int, rate: int) -> Iterator[Samples]:
    """The same at another rate, a piece at a time, as if it were one (soxr's high quality)."""
    if had == rate:
        yield from pieces
        return
    stream = soxr.ResampleStream(had, rate, 1, dtype="float32")
    for piece in pieces:
        if len(out := stream.resample_chunk(piece)):
            yield out
    if len(out := stream.resample_chunk(np.zeros(0, np.float32), last=True)):
        yield out
