"""Lab: where measurements are made and kept, so that what was broken off goes on and nothing is measured twice.

A *cell* is one measurement: what, of which variant, with which seed. Its figures are one JSON file, named by a fingerprint of everything
that decides them and written whole or not at all. Claims that need the same cell share it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import made, replaced

FORMAT = 1                # of the files; another number makes all cells anew
Figures = dict[str, Any]  # JSON data


@dataclass(frozen=True)
class Progress:
    """What a lab is at: `done` of `total` parts of a cell."""

    what: str
    done: int = 0
    total: int = 1


def silent(_: Progress) -> None:
    """Tells nobody."""


@dataclass
class Lab:
    """`folder`: where cells are kept. `seeds`: of everything that is trained or drawn. `tell` is called with each bit of progress.

    `cells` counts those that were asked for, `seconds` what they took to measure, now or before.
    """

    folder: Path
    seeds: tuple[int, ...] = (0, 1, 2)
    tell: Callable[[Progress], None] = silent
    cells: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not self.seeds:
            raise InputError("a lab needs at least one seed: got none.", "Give --seeds 3.")

    def cell(self, what: str, decides: Mapping[str, Any], make: Callable[[], Figures]) -> Figures:
        """The figures of a cell, kept or made. `what`: in a few words, for people. `decides`: plain JSON data, all that the figures
        depend on. Raises InputError where the folder cannot be written."""
        path = self.place("cells", decides).with_suffix(".json")
        if (found := _read(path)) is None:
            self.tell(Progress(what))
            began = time.perf_counter()
            figures = make()
            write(path, {"what": what, "decides": dict(decides), "seconds": time.perf_counter() - began, "figures": figures})
            found = json.loads(path.read_text(encoding="utf-8"))      # what is made must not differ from what is kept
        self.cells += 1
        self.seconds += found["seconds"]
        self.tell(Progress(what, 1))
        return found["figures"]

    def place(self, kind: str, decides: Mapping[str, Any]) -> Path:
        """The path of a thing of this kind, by what decides it."""
        text = json.dumps([FORMAT, decides], sort_keys=True, ensure_ascii=False)
        return self.home(kind) / fingerprint(text, 20)

    def home(self, kind: str) -> Path:
        """The folder for things of this kind, made if need be. Raises InputError where it cannot be."""
        return made(self.folder / kind)


def fingerprint(text: str, digits: int = 16) -> str:
    """What tells a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def write(path: Path, record: Mapping[str, Any]) -> None:
    """A record as JSON, whole or not at all. Raises InputError for a figure that is not finite, or a place that cannot be written."""
    try:
        text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise InputError(f'a figure of "{record.get("what")}" is not finite.', "Did the training diverge?") from None
    with replaced(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any] | None:
    """A kept record; None where there is none, or a file that no run of ours has left so."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.keys() >= {"seconds", "figures"} else None
