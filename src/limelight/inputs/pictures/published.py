"""preprocessor_config.json: how a published model wants its pictures, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import SpecError, WeightError
from ...files import believed_table
from ...spec import Pictures

FILES = ("preprocessor_config.json", "processor_config.json")
MOST = 1 << 20
FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")       # by Pillow's numbers
STANDARD = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


def read_settings(folder: Path, usual: Pictures) -> Pictures:
    """What the folder says, over what is `usual` for its kind of model. Raises WeightError for a file that cannot be honoured."""
    for name in FILES:
        path = folder / name
        if path.is_file():
            told = believed_table(path, MOST)
            inner = told.get("image_processor")
            try:
                return _settings(inner if isinstance(inner, dict) else told, usual)
            except (SpecError, TypeError, ValueError, KeyError) as error:
                said = error.message if isinstance(error, SpecError) else str(error)
                raise WeightError(f"{path}: {said[:160]}", "Is the file of this model?") from None
    return usual


def _settings(told: Mapping[str, Any], usual: Pictures) -> Pictures:
    sizes = _size(told.get("size"), resized=bool(told.get("do_resize", True)), usual=usual)
    crop = _crop(told.get("crop_size")) if told.get("do_center_crop", usual.crop is not None) else None
    normed = bool(told.get("do_normalize", bool(usual.mean)))
    mean, std = (tuple(told.get(key) or default) for key, default in (("image_mean", usual.mean), ("image_std", usual.std)))
    filtered = told.get("resample")
    return Pictures(
        **sizes,
        crop=crop or (usual.crop if told.get("do_center_crop", usual.crop is not None) else None),
        filter=usual.filter if filtered is None else FILTERS[int(filtered)],
        scale=float(told.get("rescale_factor", usual.scale)) if told.get("do_rescale", True) else 1.0,
        mean=mean if normed else (),
        std=std if normed else (),
    )


def _size(told: object, *, resized: bool, usual: Pictures) -> dict[str, Any]:
    if not resized:
        return {}
    match told:
        case None:
            return {"size": usual.size, "shorter": usual.shorter, "longest": usual.longest}
        case {"height": int(rows), "width": int(columns)}:
            return {"size": (rows, columns)}
        case {"shortest_edge": int(short), "longest_edge": int(long)}:
            return {"shorter": short, "longest": long}
        case {"shortest_edge": int(short)}:
            return {"shorter": short}
        case int(side):                                              # old files: of both sides, or of the shorter one
            return {"shorter": side} if usual.size is None else {"size": (side, side)}
        case [int(rows), int(columns)]:
            return {"size": (rows, columns)}
    raise ValueError(f"size={told!r} is not known here: wanted height and width, or shortest_edge")


def _crop(told: object) -> tuple[int, int] | None:
    match told:
        case {"height": int(rows), "width": int(columns)}:
            return rows, columns
        case int(side):
            return side, side
    return None


def write_settings(s: Pictures, kind: str) -> dict[str, Any]:
    """The same as other libraries read it; `kind`: the class that opens it there."""
    size = {"height": s.size[0], "width": s.size[1]} if s.size else {"shortest_edge": s.shorter, "longest_edge": s.longest}
    size = {key: found for key, found in size.items() if found is not None}
    crop = {"crop_size": {"height": s.crop[0], "width": s.crop[1]}} if s.crop else {}
    return {
        "image_processor_type": kind,
        "do_resize": bool(size),
        **({"size": size} if size else {}),
        "resample": FILTERS.index(s.filter),
        "do_center_crop": s.crop is not None,
        **crop,
        "do_rescale": s.scale != 1.0,
        "rescale_factor": s.scale,
        "do_normalize": bool(s.mean),
        **({"image_mean": list(s.mean), "image_std": list(s.std)} if s.mean else {}),
    }
