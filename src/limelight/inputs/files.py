"""Files that are given by name or in folders: which they are, in an order that does not change."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError


@dataclass(frozen=True)
class Gathered:
    """`files`: to be read, in order; `passed`: how many others the folders hold."""

    files: tuple[Path, ...]
    passed: int = 0


def gather(given: Sequence[str | Path], endings: Collection[str]) -> Gathered:
    """Files as they were given, whatever they are called and whether they are there; of a folder, at any depth, those whose names end in
    one of `endings` (".png"), by their paths. What begins with a dot is not looked at, and links to folders are not followed.

    Raises InputError for a folder without any such file, or one that cannot be listed.
    """
    files, passed = list[Path](), 0
    for each in map(Path, given):
        if not each.is_dir():
            files.append(each)
            continue
        there = sorted(_within(each), key=lambda path: path.parts)
        mine = [path for path in there if path.suffix.lower() in endings]
        if not mine:
            others = f"none of its {len(there):,} files ends in one" if there else "it holds no files"
            raise InputError(f"{each}: {others}.", f"What is read ends in {', '.join(sorted(endings))}.")
        files += mine
        passed += len(there) - len(mine)
    return Gathered(tuple(files), passed)


def _within(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed: {error.strerror}.", "May you read it?")

    for at, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(at) / name for name in names if not name.startswith("."))
