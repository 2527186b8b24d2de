"""A name or a folder -> a model that is ready; and back: a model -> a folder.

A folder holds `limelight.json` (what it is), `model.safetensors` (its numbers), `tokenizer.json` and `README.md` (its card).
Nothing in it is ever run.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from . import manifest as manifests
from .devices import pick_device, pick_dtype
from .errors import TaskError, WeightError, did_you_mean
from .files import replaced
from .inputs.text import Text
from .manifest import Manifest
from .nn import Transformer
from .quant import pack, unpack
from .weights import read_tensors, write_tensors


@dataclass(frozen=True, eq=False)
class Opened:
    """A model that is ready, with its tokenizer and what its folder says of it."""

    model: Transformer
    text: Text
    manifest: Manifest
    folder: Path

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights."""
        return next(self.model.parameters()).dtype


def bundled() -> dict[str, Path]:
    """The models that come with the package: name -> folder."""
    root = Path(str(files("limelight") / "zoo"))
    return {path.parent.name: path.parent for path in sorted(root.glob("*/limelight.json"))}


def find(name: str | Path) -> Path:
    """The folder of a bundled name or a path. Raises TaskError for an unknown name, WeightError for a folder without a model."""
    known = bundled()
    if str(name) in known:
        return known[str(name)]
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise TaskError(f'no model "{name}": neither a bundled name nor a folder.', did_you_mean(str(name), known))
    return folder


def read_manifest(folder: Path) -> Manifest:
    """What the folder says of itself."""
    return manifests.from_json(_read(folder / "limelight.json"), where=str(folder / "limelight.json"))


def open_model(name: str | Path, *, device: str = "auto", dtype: str = "auto") -> Opened:
    """Open a bundled model by name, or a folder. Raises TaskError, WeightError or DeviceError in one line each."""
    folder = find(name)
    manifest = read_manifest(folder)
    text = Text.from_json(_read(folder / "tokenizer.json"), where=str(folder / "tokenizer.json"))
    tensors, _ = read_tensors(folder / "model.safetensors")
    place = pick_device(device)
    with torch.device("meta"):
        model = Transformer(manifest.spec)
    _fill(model, unpack(tensors), folder / "model.safetensors")
    model = model.to(device=place, dtype=pick_dtype(dtype, place)).eval().requires_grad_(False)
    return Opened(model, text, manifest, folder)


def save(
    folder: Path, *, model: Transformer, text: Text, manifest: Manifest, card: str, bits: Literal["int8", "bf16", "fp32"] = "int8"
) -> None:
    """Write a model folder. The manifest goes last: a folder without one is no model yet."""
    folder.mkdir(parents=True, exist_ok=True)
    state = dict(model.state_dict())
    tensors = {"int8": pack, "bf16": _bf16, "fp32": dict}[bits](state)
    write_tensors(folder / "model.safetensors", tensors, {"format": "limelight", "weights": bits})
    for name, content in (("tokenizer.json", text.to_json()), ("README.md", card), ("limelight.json", manifests.to_json(manifest))):
        with replaced(folder / name) as draft:
            draft.write_text(content, encoding="utf-8")


def _bf16(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.bfloat16() if t.is_floating_point() else t for name, t in state.items()}


def _fill(model: Transformer, state: dict[str, Tensor], path: Path) -> None:
    """Give a model its numbers; every tensor on both sides must be accounted for."""
    want = model.state_dict()
    missing, extra = sorted(want.keys() - state.keys()), sorted(state.keys() - want.keys())
    both = sorted(want.keys() & state.keys())
    wrong = [f"{n}: {tuple(state[n].shape)}, wanted {tuple(want[n].shape)}" for n in both if want[n].shape != state[n].shape]
    if missing or extra or wrong:
        parts = (("missing", missing), ("not known", extra), ("of another shape", wrong))
        said = "; ".join(f"{len(names)} {what} ({', '.join(names[:3])})" for what, names in parts if names)
        raise WeightError(f"{path} does not fit its spec: {said}.", "limelight.json and model.safetensors are of different models.")
    model.load_state_dict({name: state[name].float() for name in want}, assign=True)
    for stack in (model.encoder, model.decoder):
        if stack is not None:
            stack.embed.fill_waves()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WeightError(f"{path} cannot be read: {error.strerror}.", "Is the folder whole?") from None
    except UnicodeDecodeError:
        raise WeightError(f"{path} is not UTF-8 text.", "The file is damaged: get it again.") from None
