"""Marks as COCO keeps them: one JSON file of pictures, categories and objects (Lin et al. 2014; cocodataset.org/#format-data)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from .marks import Album, Mark, Marked
from .reading import number, read_bytes, within

MOST = 1 << 30                           # bytes: the largest of COCO itself has half as many
PARTS = ("images", "annotations", "categories")
Rows = dict[str, list[dict[str, Any]]]


def read_coco(path: Path, pictures: Path | None = None) -> Album:
    """The pictures of a file, in its order. `pictures`: the folder that they are in; by default the one of the usual places (beside the
    file, in "images", in a folder that the file's name ends with) that has the first. Labels are in the order of the categories' numbers.

    Raises InputError for a file that is none, names what it has not, or whose pictures are nowhere.
    """
    told = _told(path)
    where = str(path)
    ordered = sorted(told["categories"], key=lambda each: number(each, "id", where))
    kinds = {_key(each, "id", where): str(each.get("name")) for each in ordered}
    names = [each.get("file_name") for each in told["images"]]
    folder = pictures if pictures is not None or not names else _folder(path, names[0])
    marks = {_key(each, "id", where): list[Mark]() for each in told["images"]}
    for count, each in enumerate(told["annotations"], 1):
        which = f"{path}, object {count}"
        picture, kind = (_key(each, name, which) for name in ("image_id", "category_id"))
        if picture not in marks or kind not in kinds:
            raise InputError(f"{which} is of a picture or a category that the file has not.", "The file is damaged.")
        marks[picture].append(_mark(each, kinds[kind], which))
    found = [
        Marked(within(folder or path.parent, name, where), _size(each, where), tuple(marks[each["id"]]))
        for name, each in zip(names, told["images"], strict=True)
    ]
    return Album(tuple(kinds.values()), tuple(found))


def to_coco(pictures: Iterable[Marked], labels: Sequence[str]) -> dict[str, Any]:
    """The same as plain JSON data. Pictures and objects are numbered from 1 on; a category has its place among `labels` for a number, as
    published detectors of COCO have COCO's own. What was found has its score besides."""
    numbers = {label: place for place, label in reversed([*enumerate(labels)])}      # of two of one name, the first
    shown, objects = list[dict[str, Any]](), list[dict[str, Any]]()
    for count, each in enumerate(pictures, 1):
        rows, columns = each.size
        shown.append({"id": count, "file_name": each.path.as_posix(), "height": rows, "width": columns})
        for one in each.marks:
            left, top, right, bottom = one.box
            box = [round(edge, 2) for edge in (left, top, right - left, bottom - top)]
            told = {"category_id": numbers[one.label], "bbox": box, "area": round((right - left) * (bottom - top), 2)}
            scored = {} if one.score is None else {"score": round(one.score, 6)}
            objects.append({"id": len(objects) + 1, "image_id": count, **told, "iscrowd": int(one.hard), **scored})
    kinds = [{"id": place, "name": label} for label, place in sorted(numbers.items(), key=lambda item: item[1])]
    return {"images": shown, "annotations": objects, "categories": kinds}


def _told(path: Path) -> Rows:
    try:
        told = json.loads(read_bytes(path, MOST))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {str(error)[:100]}", "The file is damaged, or of another form.") from None
    parts = [told.get(name) for name in PARTS] if isinstance(told, dict) else []
    if not parts or not all(isinstance(part, list) and all(isinstance(row, dict) for row in part) for part in parts):
        raise InputError(f"{path} holds no {', '.join(PARTS)} as COCO has them.", "Is it the right file?")
    return told


def _key(told: dict[str, Any], name: str, where: str) -> int | str:
    """What something is known by."""
    found = told.get(name)
    if not isinstance(found, int | str):
        raise InputError(f"{where}: {name} is a number or a name: got {str(found)[:40]!r}.", "The file is damaged, or of another form.")
    return found


def _mark(told: dict[str, Any], label: str, where: str) -> Mark:
    match told.get("bbox"):
        case [int() | float(), int() | float(), int() | float(), int() | float()] as box:
            left, top, width, height = (number({"bbox": each}, "bbox", where) for each in box)
            score = None if told.get("score") is None else number(told, "score", where)
            return Mark(label, (left, top, left + width, top + height), score, bool(told.get("iscrowd")))
        case odd:
            raise InputError(f"{where}: bbox is [left, top, width, height]: got {str(odd)[:60]}.", "Is it a file of boxes?")


def _size(told: dict[str, Any], where: str) -> tuple[int, int]:
    return int(number(told, "height", where)), int(number(told, "width", where))


def _folder(path: Path, first: object) -> Path:
    """Where the pictures are."""
    beside, above = path.parent, path.parent.parent
    tries = (beside, beside / "images", above / path.stem.rpartition("_")[2], above, above / "images")
    for each in tries:
        if within(each, first, str(path)).is_file():
            return each
    said = f"{path} names {str(first)[:60]!r}, which is in none of {', '.join(map(str, tries))}."
    raise InputError(said, "Put the pictures beside the file.")
