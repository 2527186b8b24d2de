"""A name or a folder -> a model that is ready; and back: a model -> a folder. Nothing in a folder is ever run.

Names are of bundled models, of folders, and of models on huggingface.co ("org/name@revision"), which are looked for in its cache first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import torch

from ..codecs import Codec
from ..devices import dtype_name, pick_device, pick_dtype
from ..errors import TaskError, WeightError, did_you_mean, nearest
from ..inputs.template import FILE as TEMPLATE
from ..inputs.text import Text
from ..manifest import Manifest
from ..nn import Network, pack_matrices
from ..nn.packed import keep_whole
from ..quant import Whole
from ..spec import Pictures, Sounds
from .about import About, about
from .cache import snapshot
from .drawing import open_codec, save_codec
from .folder import Bits, open_folder, read_manifest, save
from .keeping import beside, keep, with_beside
from .published import open_published
from .publishing import publish
from .quants import Kind, pick_kind

__all__ = ["About", "Opened", "about", "beside", "bundled", "find", "keep", "open_model", "publish", "read_manifest", "save", "save_codec"]

Form = Literal["published", "limelight"]


@dataclass(frozen=True, eq=False, repr=False)
class Opened:
    """A model that is ready, with its tokenizer, if it reads text, and what its folder says of it. `quant`: the kind of its products, where
    that is less than its numbers are; `codec`: what makes pictures of its tokens, if it draws."""

    model: Network
    tokenizer: Text | None
    manifest: Manifest
    folder: Path
    quant: Kind | None = None
    codec: Codec | None = None

    @property
    def text(self) -> Text:
        """Its tokenizer. Raises TaskError for a model that reads no text."""
        if self.tokenizer is None:
            raise TaskError(f"{self.manifest.name} reads no text.", f"It is for: {self.manifest.task}.")
        return self.tokenizer

    @property
    def pictures(self) -> Pictures:
        """How pictures are made ready for it. Raises TaskError for a model that reads none."""
        if self.manifest.pictures is None:
            raise TaskError(f"{self.manifest.name} reads no pictures.", f"It is for: {self.manifest.task}.")
        return self.manifest.pictures

    @property
    def sounds(self) -> Sounds:
        """How sound is made ready for it. Raises TaskError for a model that hears nothing."""
        if self.manifest.sounds is None:
            raise TaskError(f"{self.manifest.name} hears nothing.", f"It is for: {self.manifest.task}.")
        return self.manifest.sounds

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights."""
        return next(self.model.parameters()).dtype

    @property
    def precision(self) -> str:
        """What its products are computed in: "fp32", "bf16", "fp16", "int8" or "int4"."""
        return self.quant or dtype_name(self.dtype)

    @property
    def form(self) -> Form:
        """Whose kind of folder it came from: limelight's own, or one as other libraries publish them."""
        return "limelight" if (self.folder / "limelight.json").exists() else "published"

    def __repr__(self) -> str:
        size = sum(each.numel() for each in self.model.parameters())
        return f"Opened({self.manifest.name}: {size:,} numbers in {dtype_name(self.dtype)}, products in {self.precision}, on {self.device})"

    def save(self, folder: str | Path, *, form: Form | None = None, bits: Bits = "fp32", card: str | None = None) -> None:
        """Write it as a folder that opens here and, published, in other libraries with the same logits; the form is its own unless told.

        `card`: the README.md of a limelight folder, where it is not to be the one that the model came with.
        Raises TaskError for a form that it cannot have, InputError where it cannot be written, WeightError for weights that are not
        finite.
        """
        target, form = Path(folder), form or self.form
        if form == "published":
            publish(target, model=self.model, text=self.tokenizer, manifest=self.manifest, tokenizer=self.folder, bits=bits)
            save_codec(target, self.codec, published=self.manifest.spec.family)
            return
        told, converses = (_told(self.folder / name) for name in ("README.md", TEMPLATE))
        card = (told or "") if card is None else card
        save(target, model=self.model, text=self.tokenizer, manifest=self.manifest, card=card, bits=bits, template=converses)
        save_codec(target, self.codec)


def _told(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def bundled() -> dict[str, Path]:
    """The models that come with the package: name -> folder."""
    root = Path(str(files("limelight") / "zoo"))
    return {path.parent.name: path.parent for path in sorted(root.glob("*/limelight.json"))}


def find(name: str | Path) -> Path:
    """The folder of a bundled name, a path, or a name on huggingface.co. Raises TaskError for what is none of them."""
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
    if there:
        return folder
    hint = did_you_mean(str(name)[:80], known) if known else "Give the folder of a model."
    try:
        held = None if nearest(str(name), known) else snapshot(str(name))         # a slip of the pen is not asked of the network
    except TaskError as error:
        raise TaskError(error.message, f"{error.hint}   {hint}") from None
    if held is None:
        raise TaskError(f'no model "{str(name)[:80]}": {why}.', hint)
    return held


@torch.inference_mode(False)                                          # opened inside a block without gradients, it can give them still
def open_model(name: str | Path, *, device: str = "auto", dtype: str = "auto", quant: str = "auto") -> Opened:
    """Open a bundled model by name, or a folder: ours or a published one.

    `dtype`: of its numbers; `quant`: of its products where that is less: "int8", "int4", or "none". Where both are "auto", products are in
    int8 on a CPU with native kernels, the fastest kind without a loss that was measured, or int4 where the folder itself is; and what a
    folder holds in the kind of the products is not rounded again. With a dtype by name they are in it: "fp32" is the exact reference.
    `Opened.precision` says what was chosen. Raises TaskError, WeightError or DeviceError in one line each.
    """
    folder = find(name)
    place = pick_device(device)
    pick_kind(quant, place, dtype=dtype)                              # what cannot be is said before anything is read
    ours, published = (folder / "limelight.json").exists(), (folder / "config.json").exists()
    if not ours and not published:
        raise WeightError(f"{folder / 'limelight.json'} is not there.", "A model folder has a limelight.json, or a config.json.")
    model, text, manifest, whole = open_folder(folder) if ours else (*open_published(folder), {})
    kind = pick_kind(quant, place, dtype=dtype, stored=_fewest(whole))
    manifest = manifest if ours else with_beside(manifest, model, folder)
    model = model.to(device=place, dtype=pick_dtype(dtype, place)).eval().requires_grad_(False)
    if kind is not None and kind == _fewest(whole):
        keep_whole(model, whole)
    pack_matrices(model, kind)
    codec = open_codec(folder, manifest)
    return Opened(model, text, manifest, folder, kind, None if codec is None else codec.to(place))


def _fewest(whole: Mapping[str, Whole]) -> Kind | None:
    """The kind of a folder: that of the fewest bits in it."""
    kinds = {each.kind for each in whole.values()}
    return "int4" if "int4" in kinds else "int8" if kinds else None
