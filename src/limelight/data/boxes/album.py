"""Albums: a set of marked pictures, in whichever of the usual forms it is, and its own parts."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from .coco import read_coco
from .marks import Album, Marked
from .reading import read_bytes
from .voc import read_voc

MOST_LIST = 64 << 20
MARKS, PICTURES, LISTS = "Annotations", "JPEGImages", Path("ImageSets", "Main")     # as VOC's folders are called


def read_album(path: Path, part: str | None = None) -> Album:
    """All marked pictures of a folder as VOC or COCO lay it out, or of one file: COCO's JSON, or a list of VOC's (ImageSets/Main/test.txt).

    `part`: of a folder, those that it sets apart under this name ("train", "val", "test"): VOC in a list, COCO in a JSON file of its own
    whose name, or whose folder's, has it. Labels are those of the whole folder of VOC, in the order of their letters.
    Raises InputError for what is none of these, a part that is not there, or a picture that is not.
    """
    if path.is_dir():
        album = _voc(path, None if part is None else path / LISTS / f"{part}.txt") if _marks(path) else read_coco(_file(path, part))
    elif part is not None:
        raise InputError(f"{path} is one file, and has no part {part!r}.", "Give the folder, or leave the part out.")
    elif path.suffix.lower() == ".txt":
        album = _voc(path.parent.parent.parent, path)
    else:
        album = read_coco(path)
    if missing := next((each.path for each in album.pictures if not each.path.is_file()), None):
        raise InputError(f"{path}: its picture {missing} is not there.", "Is the folder whole?")
    return album


def _marks(folder: Path) -> list[Path]:
    """VOC's files, in order."""
    return sorted((folder / MARKS if (folder / MARKS).is_dir() else folder).glob("*.xml"))


def _voc(folder: Path, listed: Path | None) -> Album:
    pictures = folder / PICTURES if (folder / PICTURES).is_dir() else None
    all_of = {path.stem: path for path in _marks(folder)}
    if not all_of:
        raise InputError(f"{folder} has no {MARKS}/*.xml.", "Lists of VOC lie in ImageSets/Main.")
    read = dict[str, Marked]()
    for name, path in all_of.items():
        read[name] = read_voc(path, pictures)
    wanted = list(all_of) if listed is None else _listed(listed)
    if odd := next((name for name in wanted if name not in read), None):
        raise InputError(f"{listed}: {odd[:60]!r} has no file in {folder / MARKS}.", "Is the folder whole?")
    labels = sorted({mark.label for each in read.values() for mark in each.marks})
    return Album(tuple(labels), tuple(read[name] for name in wanted))


def _listed(path: Path) -> list[str]:
    """Names, the first word of each line."""
    if not path.is_file():
        there = ", ".join(sorted(each.stem for each in path.parent.glob("*.txt"))) or "none"
        raise InputError(f"there is no list {path}.", f"Parts that are there: {there}.")
    try:
        return [line.split()[0] for line in read_bytes(path, MOST_LIST).decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text.", "Is it a list of names?") from None


def _file(folder: Path, part: str | None) -> Path:
    """The one JSON file of a folder, of this part."""
    there = sorted({*folder.glob("*.json"), *folder.glob("annotations/*.json"), *folder.glob("*/*.coco.json")})
    found = there if part is None else [path for path in there if part in str(path.relative_to(folder))]
    if len(found) != 1:
        named = ", ".join(str(path.relative_to(folder)) for path in there[:8]) or "none"
        what = f"{folder} has {len(found)} files of marks" + ("" if part is None else f" for {part!r}")
        raise InputError(f"{what}, wanted one: there are {named}.", "Give Annotations/*.xml as VOC has them, or name COCO's JSON file.")
    return found[0]
