"""preprocessor_config.json: how a published model wants its pictures, read and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import SpecError, WeightError
from ...files import believed_table
from ...spec import Pictures
from ...spec.raw import Filter

FILES = ("preprocessor_config.json", "processor_config.json")
MOST = 1 << 20
MOST_SIDE = 8192                         # pixels that a model may want a side to have
CHANNELS = 3
FILTERS: tuple[Filter, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")       # by Pillow's numbers


def read_settings(folder: Path, usual: Pictures) -> Pictures:
    """What the folder says, over what is `usual` for its kind of model. Raises WeightError for a file that cannot be honoured."""
    for name in FILES:
        path = folder / name
        if path.is_file():
            told = believed_table(path, MOST)
            inner = told.get("image_processor")
            try:
                return _settings(inner if isinstance(inner, dict) else told, usual)
            except (SpecError, TypeError, ValueError, KeyError, OverflowError) as error:
                said = error.message if isinstance(error, SpecError) else str(error)
                raise WeightError(f"{path}: {said[:160]}", "Is the file of this model?") from None
    return usual


def _settings(told: Mapping[str, Any], usual: Pictures) -> Pictures:
    cropped = told.get("do_center_crop", usual.crop is not None)
    normed = bool(told.get("do_normalize", bool(usual.mean)))
    mean, std = (_channels(told.get(key) or default, key) for key, default in (("image_mean", usual.mean), ("image_std", usual.std)))
    size = _size(told, usual=usual)
    return Pictures(
        **_sides(size),
        multiple=usual.multiple if size.get("shorter") else 1,       # no file tells it: it comes with the kind of model
        **_sides({"crop": (_crop(told.get("crop_size")) or usual.crop) if cropped else None}),
        filter=_filter(told.get("resample"), usual),
        scale=float(told.get("rescale_factor", usual.scale)) if told.get("do_rescale", True) else 1.0,
        mean=mean if normed else (),
        std=std if normed else (),
    )


def _filter(told: Any, usual: Pictures) -> Filter:
    if told is None:
        return usual.filter
    if told not in range(len(FILTERS)):
        raise ValueError(f"resample={told!r} is not known here: 0 to {len(FILTERS) - 1} are")
    return FILTERS[told]


def _channels(told: Any, key: str) -> tuple[float, ...]:
    found = tuple(map(float, told))
    if len(found) not in (0, CHANNELS):
        raise ValueError(f"{key} is for {CHANNELS} channels: got {len(found)}")
    return found


def _sides(found: dict[str, Any]) -> dict[str, Any]:
    """The same, once none of it is larger than a picture may be."""
    for name, told in found.items():
        if any(side > MOST_SIDE for side in (told if isinstance(told, tuple) else () if told is None else (told,))):
            raise ValueError(f"{name}={told}: at most {MOST_SIDE:,} pixels a side are read here")
    return found


def _size(given: Mapping[str, Any], *, usual: Pictures) -> dict[str, Any]:
    if not given.get("do_resize", True):
        return {}
    told = given.get("size")
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
            return {"size": (side, side)} if usual.size is not None else {"shorter": side, "longest": given.get("max_size", usual.longest)}
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
