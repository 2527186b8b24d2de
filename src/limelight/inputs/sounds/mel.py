"""Sound -> frames: logarithms of mel spectra, as Whisper reads them (Radford et al. 2022, section 2.2)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError
from ...spec import Sounds
from ..batch import Batch

LEAST, RANGE = 1e-10, 8.0                # of a power, before its logarithm; and in powers of ten below the loudest, what is heard
HIGHEST = 8000.0                         # Hz
BEND, STEP = 1000.0, 200 / 3             # Slaney's scale: mels of 66.7 Hz each up to 1,000 Hz, then logarithmic
GROWTH = math.log(6.4) / 27


def frames(sounds: Sequence[np.ndarray], s: Sounds) -> Batch:
    """Samples (n) of one stretch each, filled up with silence -> (b mels frames), each by its own loudest.

    Raises InputError for samples of more than a stretch: they are cut by whoever knows where.
    """
    room = s.rate * s.seconds
    waves = torch.zeros(len(sounds), room)
    for row, each in zip(waves, sounds, strict=True):
        if len(each) > room:
            raise InputError(f"a stretch has {room:,} samples at most: got {len(each):,}.", "Cut it into stretches.")
        row[: len(each)] = torch.from_numpy(each)
    return Batch(_logarithms(waves, s))


def _logarithms(waves: Float[Tensor, "b n"], s: Sounds) -> Float[Tensor, "b f t"]:
    spectra = torch.stft(waves, s.window, s.hop, window=torch.hann_window(s.window), return_complex=True)
    power = spectra[..., :-1].abs() ** 2                             # the last frame is half of what would come after
    found = (bank(s.mels, s.window, s.rate) @ power.contiguous()).clamp(min=LEAST).log10()
    found = torch.maximum(found, found.amax((1, 2), keepdim=True) - RANGE)
    return (found + 4.0) / 4.0


@functools.lru_cache(maxsize=8)
def bank(mels: int, window: int, rate: int) -> Float[Tensor, "f w"]:
    """How much of each frequency goes into each mel: triangles of equal area, on Slaney's scale from 0 to 8,000 Hz (Slaney 1998)."""
    edges = _hertz(torch.linspace(0.0, _mel(HIGHEST), mels + 2, dtype=torch.float64))
    heard = torch.linspace(0.0, rate // 2, window // 2 + 1, dtype=torch.float64)
    apart = edges.diff()
    slopes = edges[:, None] - heard                                  # (mels+2 w)
    rising, falling = -slopes[:-2] / apart[:-1, None], slopes[2:] / apart[1:, None]
    area = 2.0 / (edges[2:] - edges[:-2])
    return F.relu(torch.minimum(rising, falling)).mul(area[:, None]).float()


def _mel(hertz: float) -> float:
    return hertz / STEP if hertz < BEND else BEND / STEP + math.log(hertz / BEND) / GROWTH


def _hertz(mel: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    return torch.where(mel < BEND / STEP, mel * STEP, BEND * torch.exp(GROWTH * (mel - BEND / STEP)))
