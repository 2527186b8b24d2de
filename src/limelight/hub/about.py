"""What a folder is, told without opening it: no tokenizer is made, and no number is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from ..devices import dtype_name
from ..errors import WeightError
from ..manifest import Manifest
from ..quant import SCALE, SHARES
from ..spec import Model
from .cache import called
from .folder import read_manifest
from .published import made_for, outline


@dataclass(frozen=True)
class About:
    """A model's folder. `manifest`: of limelight's own alone; `task`: what it was made for; `weights`: what
    its file keeps most of them in."""

    folder: Path
    name: str
    spec: Model
    task: str
    parameters: int
    weights: str = "fp32"
    manifest: Manifest | None = None

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())

    @property
    def context(self) -> int | None:
        """How many tokens it reads at once; None where nothing bounds them."""
        return self.spec.room


def about(folder: Path) -> About:
    """What a folder is, ours or a published one. Raises WeightError, as opening it would."""
    if (folder / "limelight.json").exists() or not (folder / "config.json").exists():
        m = read_manifest(folder)
        return About(folder, m.name, m.spec, m.task, *_parameters(folder / "model.safetensors"), m)
    model, _, tensors, config = outline(folder)
    largest = max(tensors.values(), key=lambda each: each.numel())
    count = sum(each.numel() for each in model.parameters())
    return About(folder, called(folder), model.spec, made_for(model.spec, config), count, dtype_name(largest.dtype))


def _parameters(path: Path) -> tuple[int, str]:
    """How many numbers a file of weights stands for, read off its header, and in what it keeps them. Scales of packed weights are no
    parameters."""
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            counts = {name: math.prod(each.get_shape()) * (1 + (each.get_dtype() == "U8")) for name, each in tensors.items()}
            kept = (file.metadata() or {}).get("weights", "fp32")
    except (SafetensorError, OSError) as error:
        raise WeightError(f"{path} cannot be read: {error}.", "Get the model folder again.") from None
    return sum(count for name, count in counts.items() if not name.endswith((SCALE, SHARES))), kept
