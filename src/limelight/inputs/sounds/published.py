"""preprocessor_config.json: how a published model wants its sound, read and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import SpecError, WeightError
from ...files import believed_table
from ...spec import Sounds

FILES = ("preprocessor_config.json", "processor_config.json")
MOST = 1 << 24                                                       # old files hold their mel filters as well
MOST_SAMPLES = 1 << 24                                               # of one stretch: 17 minutes
KEYS = {"rate": "sampling_rate", "seconds": "chunk_length", "window": "n_fft", "hop": "hop_length", "mels": "feature_size"}


def read_settings(folder: Path, usual: Sounds) -> Sounds:
    """What the folder says, over what is `usual` for its kind of model. Raises WeightError for a file that cannot be honoured."""
    for path in (folder / name for name in FILES):
        if not path.is_file():
            continue
        told = believed_table(path, MOST)
        inner = told.get("feature_extractor")
        told = inner if isinstance(inner, dict) else told
        if told.get("do_normalize"):
            raise WeightError(f"{path}: do_normalize=true is not built here; only false is.", "Use another checkpoint.")
        try:
            found = Sounds(**{ours: told.get(theirs, getattr(usual, ours)) for ours, theirs in KEYS.items()})
        except SpecError as error:
            raise WeightError(f"{path}: {error.message}", "Is the file of this model?") from None
        if found.rate * found.seconds > MOST_SAMPLES or found.window > MOST_SAMPLES:
            said = f"{found.seconds:,} s of {found.rate:,} samples, windows of {found.window:,}"
            raise WeightError(f"{path} asks for {said}; at most {MOST_SAMPLES:,} samples are believed.", "Is the file whole?")
        return found
    return usual


def write_settings(s: Sounds, kind: str) -> dict[str, Any]:
    """The same as other libraries read it; `kind`: the class that opens it there."""
    return {
        "feature_extractor_type": kind,
        "feature_size": s.mels,
        "sampling_rate": s.rate,
        "hop_length": s.hop,
        "chunk_length": s.seconds,
        "n_fft": s.window,
        "n_samples": s.rate * s.seconds,
        "nb_max_frames": s.frames,
        "padding_side": "right",
        "padding_value": 0.0,
        "return_attention_mask": False,
    }
