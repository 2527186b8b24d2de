"""A name or a folder -> a model that is ready; and back: a model -> a folder.

A folder holds `limelight.json` (what it is), `model.safetensors` (its numbers), `tokenizer.json` and `README.md` (its card).
Nothing in it is ever run.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from . import manifest as manifests
from .devices import pick_device, pick_dtype
from .errors import InputError, TaskError, WeightError, did_you_mean
from .files import replaced
from .inputs.text import Text
from .manifest import Manifest
from .nn import Transformer, pack_matrices
from .quant import pack, unpack
from .weights import read_tensors, write_tensors

FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
MOST_TEXT = 64 << 20                     # bytes of limelight.json or tokenizer.json
MOST_POSITIONS = 1 << 20
PIECES = "tokenizer.sha256"              # a note of the weights: which tokenizer.json they were saved with


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
    folder = Path(name)
    try:
        folder = folder.expanduser()
        there = folder.is_dir()
    except (OSError, RuntimeError) as error:                         # a name too long for a path, a locked folder, "~nobody"
        there, why = False, str(getattr(error, "strerror", None) or error)
    else:
        why = "neither a bundled name nor a folder"
    if not there:
        hint = did_you_mean(str(name)[:80], known) if known else "Give the folder of a model."
        raise TaskError(f'no model "{str(name)[:80]}": {why}.', hint)
    return folder


def read_manifest(folder: Path) -> Manifest:
    """What the folder says of itself."""
    return manifests.from_json(_read(folder / "limelight.json"), where=str(folder / "limelight.json"))


def open_model(name: str | Path, *, device: str = "auto", dtype: str = "auto") -> Opened:
    """Open a bundled model by name, or a folder. Raises TaskError, WeightError or DeviceError in one line each."""
    folder = find(name)
    manifest = read_manifest(folder)
    pieces = _read(folder / "tokenizer.json")
    text = Text.from_json(pieces, where=str(folder / "tokenizer.json"))
    tensors, notes = read_tensors(folder / "model.safetensors")
    _check_pieces(text, pieces, manifest, notes, folder)
    place = pick_device(device)
    model = _empty(manifest, len(tensors), folder)
    _fill(model, unpack(tensors), folder / "model.safetensors")
    model = model.to(device=place, dtype=pick_dtype(dtype, place)).eval().requires_grad_(False)
    pack_matrices(model)
    return Opened(model, text, manifest, folder)


def save(
    folder: Path, *, model: Transformer, text: Text, manifest: Manifest, card: str, bits: Literal["int8", "bf16", "fp32"] = "int8"
) -> None:
    """Write a model folder. Nothing that is there is touched before all files are written; then the manifest goes last.

    Raises InputError where it cannot be written, WeightError for weights that are not finite.
    """
    pieces = text.to_json()
    tensors = {"int8": pack, "bf16": _bf16, "fp32": dict}[bits](dict(model.state_dict()))
    notes = {"format": "limelight", "weights": bits, PIECES: _fingerprint(pieces)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}.", "Choose another place.") from None
    with ExitStack() as drafts:
        for name, content in (("limelight.json", manifests.to_json(manifest)), ("README.md", card), ("tokenizer.json", pieces)):
            drafts.enter_context(replaced(folder / name)).write_text(content, encoding="utf-8")
        write_tensors(drafts.enter_context(replaced(folder / "model.safetensors")), tensors, notes)


def _bf16(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.bfloat16() if t.is_floating_point() else t for name, t in state.items()}


def _empty(manifest: Manifest, tensors: int, folder: Path) -> Transformer:
    """The model without its numbers. What a spec costs before they are compared is bounded by the file that it comes with."""
    where, spec, aligner = folder / "limelight.json", manifest.spec, manifest.aligner
    for stack in filter(None, (spec.encoder, spec.decoder)):
        length = getattr(stack.position, "length", None) or 0
        if stack.depth > tensors or length > MOST_POSITIONS:
            raise WeightError(
                f"{where} asks for {stack.depth:,} layers and {length:,} positions; there are {tensors:,} tensors, and "
                f"at most {MOST_POSITIONS:,} positions.",
                "limelight.json and model.safetensors are of different models.",
            )
    try:
        with torch.device("meta"):
            model = Transformer(spec)
    except (RuntimeError, OverflowError, TypeError) as error:        # sizes that no tensor can have
        raise WeightError(f"{where}: such a model cannot be built: {str(error).splitlines()[0][:120]}") from None
    if aligner is not None:
        there = model.attentions().get(aligner.attention)
        if there is None or not aligner.attention.endswith(".cross") or max(aligner.heads) >= there.heads:
            raise WeightError(
                f'{where}: the aligner looks at "{aligner.attention}", heads {list(aligner.heads)}, which the model does not have.',
                "limelight.json is of another model.",
            )
    return model


def _fingerprint(pieces: str) -> str:
    return hashlib.sha256(pieces.encode()).hexdigest()


def _check_pieces(text: Text, pieces: str, manifest: Manifest, notes: dict[str, str], folder: Path) -> None:
    """The tokenizer must be the one that the weights were saved with, and all that it gives must be tokens of the model."""
    both = f"{folder / 'tokenizer.json'} and {folder / 'model.safetensors'}"
    if notes.get(PIECES, _fingerprint(pieces)) != _fingerprint(pieces):
        raise WeightError(f"{both} were not saved together.", "Get the model folder again, whole.")
    stacks = [stack for stack in (manifest.spec.encoder, manifest.spec.decoder) if stack is not None]
    vocab, g = min(stack.input.vocab for stack in stacks), manifest.generation
    other = "They are of different models."
    if text.highest >= vocab:
        raise WeightError(f"{folder / 'tokenizer.json'} goes up to token {text.highest:,}, the model has {vocab:,}.", other)
    if max(g.pad, g.start, g.end) >= vocab or g.end != text.end:
        marks = f"pad={g.pad}, start={g.start}, end={g.end}"
        raise WeightError(f"{folder / 'limelight.json'} has {marks}; the tokenizer has end={text.end} of {vocab:,} tokens.", other)


def _fill(model: Transformer, state: dict[str, Tensor], path: Path) -> None:
    """Give a model its numbers; every tensor on both sides must be accounted for."""
    want = model.state_dict()
    missing, extra = sorted(want.keys() - state.keys()), sorted(state.keys() - want.keys())
    both = sorted(want.keys() & state.keys())
    wrong = [f"{n}: {tuple(state[n].shape)}, wanted {tuple(want[n].shape)}" for n in both if want[n].shape != state[n].shape]
    odd = [f"{n}: {state[n].dtype}" for n in both if state[n].dtype not in FLOATS]
    if missing or extra or wrong or odd:
        parts = (("missing", missing), ("not known", extra), ("of another shape", wrong), ("of another kind", odd))
        said = "; ".join(f"{len(names)} {what} ({', '.join(names[:3])})" for what, names in parts if names)
        raise WeightError(f"{path} does not fit its spec: {said}.", "limelight.json and model.safetensors are of different models.")
    model.load_state_dict({name: state[name].float() for name in want}, assign=True)
    for stack in (model.encoder, model.decoder):
        if stack is not None:
            stack.embed.fill_waves()


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise WeightError(f"{path} is not there.", "Is the folder whole?")
        if (size := path.stat().st_size) > MOST_TEXT:
            raise WeightError(f"{path} has {size:,} bytes; at most {MOST_TEXT:,} are believed.", "Is it a model folder?")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WeightError(f"{path} cannot be read: {error.strerror}.", "Is the folder whole?") from None
    except UnicodeDecodeError:
        raise WeightError(f"{path} is not UTF-8 text.", "The file is damaged: get it again.") from None
