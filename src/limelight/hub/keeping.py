"""What was measured of a model, kept with it: in its own limelight.json, or beside the files of another library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import InputError, WeightError
from ..files import believed_table, inside, replaced
from ..manifest import Aligner, Beside, Evidence, Manifest, Measure, to_json
from ..nn import Network
from ..values import parse
from .folder import check_aligner, read_manifest

FILE = "limelight.measured.json"
MOST = 1 << 16                           # bytes of it


def beside(folder: Path) -> Beside:
    """What lies beside a published model; nothing where no such file is there. Raises WeightError for one that is broken."""
    path = folder / FILE
    if not path.exists() and not path.is_symlink():
        return Beside()
    return parse(Beside, believed_table(inside(folder, FILE), MOST), where=str(path), error=WeightError)


def with_beside(manifest: Manifest, model: Network, folder: Path) -> Manifest:
    """A published model's manifest with what was measured of it here. Raises WeightError where that is of another model."""
    found = beside(folder)
    check_aligner(found.aligner, model, folder / FILE)
    return replace(manifest, aligner=found.aligner, measured=found.measured, evidence=found.evidence)


def keep(
    folder: Path, *, aligner: Aligner | None = None, measured: dict[str, Measure] | None = None, evidence: Evidence | None = None
) -> Path:
    """Write what was measured of the model in a folder, beside what is known of it already -> the file that was written.

    Into `limelight.json`, or for a published folder into a file of its own, which nothing but limelight reads. Raises InputError where
    it cannot be written, WeightError where what is there cannot be read.
    """
    ours = (folder / "limelight.json").exists()
    if not ours and not (folder / "config.json").exists():
        raise InputError(f"{folder} is no model folder: what was measured cannot be kept there.", "Open the model from a folder.")
    known = read_manifest(folder) if ours else beside(folder)
    both = {**known.measured, **(measured or {})}
    fresh = replace(known, aligner=aligner or known.aligner, measured=both, evidence=evidence or known.evidence)
    path = folder / ("limelight.json" if ours else FILE)
    with replaced(path) as draft:
        draft.write_text(to_json(fresh), encoding="utf-8")
    return path
