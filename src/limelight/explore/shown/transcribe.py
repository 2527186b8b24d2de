"""A recording as the model hears it, with the words at their times."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from jaxtyping import Float

from ...errors import InputError
from ...hub import Opened
from ...inputs.sounds import frames, open_sound
from ...spec import Sounds
from ...tasks.transcribe import Transcribe, Transcribed
from .squares import as_map

MOST = 300                               # seconds that a page shows
POOLED = 2                               # frames of a column of the spectrogram
Samples = Float[np.ndarray, " n"]


def transcribe(opened: Opened, given: Any, seed: int = 0) -> dict[str, Any]:
    """See kinds. Raises InputError for what is no sound, and for one that is longer than MOST."""
    del seed
    reads = opened.sounds
    sound = open_sound(given, reads.rate)
    if sound.seconds is not None and sound.seconds > MOST:
        said = f"{sound.name} is {sound.seconds:,.0f} seconds long; a page shows at most {MOST}."
        raise InputError(said, "Cut it, or have it written down: limelight transcribe.")
    samples = sound.whole()
    found = Transcribe(opened)(samples)
    words = _words(found)
    told = {"text": found.text, "words": words, "language": found.language, "trust": _trusted(found)}
    heard = {"sound": _flac(samples, reads.rate), "kind": "audio/flac", "duration": len(samples) / reads.rate}
    return {"seconds": found.cost.seconds, **told, **heard, "spectrogram": _spectrogram(samples, reads)}


def _words(found: Transcribed) -> list[dict[str, Any]]:
    """Each with its times; whole segments of a model that gives no times to words."""
    if found.words:
        return [each.to_json() for each in found.words]
    return [{"text": each.text, "start": each.start, "end": each.end} for each in found.segments]


def _trusted(found: Transcribed) -> str:
    if not found.segments:
        return "no words were heard: there is nothing to measure"
    if not found.words:
        return "this model gives no times to words: those of whole segments are shown, and nothing was measured of them"
    shares = [word.trust for word in found.words]
    return (
        f"{sum(shares) / len(shares):.0%} of what the heads that align looked at lies within the words' times and a tenth of a second "
        f"around (mean of {len(shares)} words; near 100% they agree on the place)"
    )


def _flac(samples: Samples, rate: int) -> str:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode()


def _spectrogram(samples: Samples, reads: Sounds) -> dict[str, Any]:
    """What the model reads, stretch after stretch, high notes first; `step`: seconds of a column."""
    room = reads.rate * reads.seconds
    stretches: Sequence[Samples] = [samples[first : first + room] for first in range(0, len(samples), room)]
    heard = torch.cat([frames([each], reads).values[0, :, : -(-len(each) // reads.hop)] for each in stretches], 1)
    columns = F.avg_pool1d(heard[None], POOLED, ceil_mode=True)[0] if heard.shape[1] > 1 else heard
    bright = columns - columns.min()
    return {**as_map(bright.flip(0).tolist()), "step": POOLED * reads.hop / reads.rate}
