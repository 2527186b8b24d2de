"""Our own folders: read, and written.

One holds `limelight.json` (what it is), `model.safetensors` (its numbers), `tokenizer.json` and `README.md` (its card); one that
converses has a `chat_template.jinja` too. Nothing in it is ever run, but for the template, in a process that may do nothing else.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from .. import manifest as manifests
from ..errors import WeightError
from ..files import believed_text, made, replaced
from ..inputs.template import FILE as TEMPLATE
from ..inputs.text import Text
from ..manifest import Aligner, Manifest
from ..native.rounding import whole_groups
from ..nn import Network
from ..quant import SCALE, SHARES, Whole, halved, pack, stored, unpack
from ..weights import read_tensors, write_tensors
from .filling import blank, fill

MOST_TEXT = 64 << 20                     # bytes of limelight.json or tokenizer.json
Bits = Literal["int4", "int8", "bf16", "fp32"]
PIECES = "tokenizer.sha256"              # a note of the weights: which tokenizer.json they were saved with


def read_manifest(folder: Path) -> Manifest:
    """What the folder says of itself."""
    return manifests.from_json(believed_text(folder / "limelight.json", MOST_TEXT), where=str(folder / "limelight.json"))


def open_folder(folder: Path) -> tuple[Network, Text | None, Manifest, dict[str, Whole]]:
    """What `save` wrote, and the matrices that it holds in whole numbers; no tokenizer for a model that reads no text.

    Raises WeightError in one line.
    """
    manifest = read_manifest(folder)
    tensors, notes = read_tensors(folder / "model.safetensors")
    text = _text(folder, manifest, notes) if manifest.spec.vocabularies else None
    model = _empty(manifest, len(tensors), folder)
    fill(model, unpack(tensors), folder / "model.safetensors", told="limelight.json")
    return model, text, manifest, stored(tensors)


def _text(folder: Path, manifest: Manifest, notes: dict[str, str]) -> Text:
    pieces = believed_text(folder / "tokenizer.json", MOST_TEXT)
    text = Text.from_json(pieces, where=str(folder / "tokenizer.json"))
    _check_pieces(text, pieces, manifest, notes, folder)
    return text


def save(
    folder: Path, *, model: Network, text: Text | None, manifest: Manifest, card: str, bits: Bits = "int8", template: str | None = None
) -> None:
    """Write a model folder. Nothing that is there is touched before all files are written; then the manifest goes last.

    `template`: how a conversation is written for the model, see inputs.template.
    Raises InputError where it cannot be written, WeightError for weights that are not finite.
    """
    pieces = None if text is None else text.to_json()
    tensors = numbers(model, bits)
    notes = {"format": "limelight", "weights": bits} | ({} if pieces is None else {PIECES: _fingerprint(pieces)})
    made(folder)
    written = {"limelight.json": manifests.to_json(manifest), "README.md": card, "tokenizer.json": pieces, TEMPLATE: template}
    with ExitStack() as drafts:
        for name, content in ((name, content) for name, content in written.items() if content is not None):
            drafts.enter_context(replaced(folder / name)).write_text(content, encoding="utf-8")
        write_tensors(drafts.enter_context(replaced(folder / "model.safetensors")), tensors, notes)


def numbers(model: Network, bits: Bits) -> dict[str, Tensor]:
    """A model's weights as a file keeps them: in int4 what maps multiply by, and every other matrix in int8, as in int8 all of them.

    Raises WeightError where they are not finite and are to be packed.
    """
    if bits == "int4":
        return _fours(model)
    state, kind = dict(model.state_dict()), torch.bfloat16 if bits == "bf16" else torch.float32
    return pack(state) if bits == "int8" else {name: t.to(kind) if t.is_floating_point() else t for name, t in state.items()}


def _fours(model: Network) -> dict[str, Tensor]:
    """Tables stay in int8: a token's own numbers are read, and are not summed up with hundreds of others."""
    state = dict(model.state_dict())
    maps = {f"{path}.weight" for path, module in model.named_modules() if isinstance(module, nn.Linear) and not module.in_features % 2}
    out = pack(state)
    for name in maps:
        numbers, shares, scale = whole_groups(state[name].float())
        out |= {name: halved(numbers), name + SCALE: scale, name + SHARES: shares}
    return out


def _empty(manifest: Manifest, tensors: int, folder: Path) -> Network:
    where = folder / "limelight.json"
    model = blank(manifest.spec, tensors, where)
    check_aligner(manifest.aligner, model, where)
    return model


def check_aligner(aligner: Aligner | None, model: Network, where: Path) -> None:
    """Raises WeightError where a model does not have the heads that are said to align words."""
    if aligner is None:
        return
    there = model.attentions().get(aligner.attention)
    if there is None or not aligner.attention.endswith(".cross") or max(aligner.heads) >= there.heads:
        raise WeightError(
            f'{where}: the aligner looks at "{aligner.attention[:40]}", heads {list(aligner.heads)}, which the model does not have.',
            f"{where.name} is of another model.",
        )


def _fingerprint(pieces: str) -> str:
    return hashlib.sha256(pieces.encode()).hexdigest()


def _check_pieces(text: Text, pieces: str, manifest: Manifest, notes: dict[str, str], folder: Path) -> None:
    """The tokenizer must be the one that the weights were saved with, and all that it gives must be tokens of the model."""
    both = f"{folder / 'tokenizer.json'} and {folder / 'model.safetensors'}"
    if notes.get(PIECES, _fingerprint(pieces)) != _fingerprint(pieces):
        raise WeightError(f"{both} were not saved together.", "Get the model folder again, whole.")
    known, g = manifest.spec.vocabularies, manifest.generation
    vocab = min(known) if manifest.drawing is None else known[0]                # what draws writes no words
    other = "They are of different models."
    if text.highest >= vocab:
        raise WeightError(f"{folder / 'tokenizer.json'} goes up to token {text.highest:,}, the model has {vocab:,}.", other)
    if max(g.pad, g.start or 0, *g.end) >= vocab or text.end not in g.end:
        marks = f"pad={g.pad}, start={g.start}, end={list(g.end)}"
        raise WeightError(f"{folder / 'limelight.json'} has {marks}; the tokenizer has end={text.end} of {vocab:,} tokens.", other)
