"""The codec of a model that draws: read from a folder, ours or a published one, and written there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..codecs import Codec, build
from ..errors import WeightError
from ..families import FAMILIES
from ..files import inside, replaced
from ..manifest import Drawing, Manifest
from ..nn.unfilled import unfilled
from ..weights import read_file, to_ours, to_theirs, write_tensors

FILE = "codec.safetensors"
ENDINGS = (".safetensors", ".pt")


def open_codec(folder: Path, manifest: Manifest) -> Codec | None:
    """The codec beside a model; None for a model that draws nothing, and for a published one without the file.

    Raises WeightError for numbers that are not the codec's, and for a folder of ours that lacks them.
    """
    drawing, family = manifest.drawing, FAMILIES.get(manifest.spec.family)
    if drawing is None:
        return None
    if (folder / "limelight.json").exists():
        return _filled(drawing, read_file(inside(folder, FILE)), folder / FILE)
    names = None if family is None else family.codec
    found = None if names is None else next((f"{names.file}{end}" for end in ENDINGS if (folder / f"{names.file}{end}").exists()), None)
    if names is None or found is None:
        return None
    tensors = read_file(inside(folder, found))
    return _filled(drawing, to_ours(names.names(drawing.codec), tensors, where=str(folder / found)), folder / found)


def save_codec(folder: Path, codec: Codec | None, *, published: str = "") -> None:
    """Write it, beside the model of a folder that is there: under our names, or under those of a published kind."""
    if codec is None:
        return
    tensors, name = codec.state_dict(), FILE
    if published and (names := FAMILIES[published].codec) is not None:
        tensors, name = to_theirs(names.names(codec.spec), tensors), f"{names.file}.safetensors"
    with replaced(folder / name) as draft:
        write_tensors(draft, {key: tensor.float().contiguous() for key, tensor in tensors.items()}, {"format": "pt"})


def _filled(drawing: Drawing, state: Mapping[str, Tensor], path: Path) -> Codec:
    with unfilled():
        codec = build(drawing.codec)
    want = codec.state_dict()
    wrong = sorted(want.keys() ^ state.keys()) or sorted(name for name in want if want[name].shape != state[name].shape)
    if wrong:
        said = f"{path} does not fit its codec: {len(wrong)} tensors differ ({', '.join(wrong[:3])})."
        raise WeightError(said, "They are of different models.")
    codec.load_state_dict({name: state[name].to(torch.float32) for name in want}, assign=True)
    return codec.eval().requires_grad_(False)
