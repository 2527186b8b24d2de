"""Spotting: pictures of which it is known what is to be seen where, what a model finds in them, and how much of it is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ....data import Table, cell
from ....data.box_lessons import Example, as_marked
from ....data.boxes import Album, Mark, Marked, read_album
from ....errors import InputError
from ....hub import Opened
from ....inputs.pictures import read
from ...detect import Detect, Detected, DetectOptions
from ...detect.detected import CORNERS, FoundCell
from ..scorer import Scorer
from ..scores import Score
from .scoring import score

SURE = 0.5                               # from which score on what was found is kept in a table
ALBUMS = (".json", ".txt")


class Spotting(Scorer[Example, Detected]):
    """See Scorer."""

    unit: ClassVar[str] = "pictures"
    doing: ClassVar[str] = "detecting"
    columns: ClassVar[tuple[str, str]] = ("file", "found")

    def of_file(self, opened: Opened, file: str, columns: tuple[str, str]) -> list[Example]:
        """A folder of VOC or COCO, COCO's JSON, a list of VOC's (see data.boxes.read_album), or a table (see `of_table`)."""
        path = Path(file)
        if not path.is_dir() and path.suffix.lower() not in ALBUMS:
            return super().of_file(opened, file, columns)
        album = read_album(path)
        _check(opened, album, file)
        return list(album.pictures)

    def of_table(self, opened: Opened, table: Table, columns: tuple[str, str]) -> list[Example]:
        """Files, by their paths from the table's folder, and what is to be found in each, as `limelight detect --output` writes it: a list
        of objects with label, xmin, ymin, xmax and ymax, or the same as JSON text."""
        file, marks = map(table.column, columns)
        pictures: list[Marked] = []
        for number, row in enumerate(table.rows, 1):
            where = f"{table.where}, row {number}"
            path = Path(table.where).parent / cell(row, file, where=table.where, number=number)
            pictures.append(Marked(path, read(path).size, tuple(_mark(each, where) for each in _listed(row[marks], where))))
        labels = {mark.label for each in pictures for mark in each.marks}
        _check(opened, Album(tuple(sorted(labels)), tuple(pictures)), table.where)
        return [*pictures]

    def answers(self, opened: Opened, examples: Sequence[Example], **options: object) -> list[Detected]:
        """All that the model's places say, however sure: what is hardly likely is counted last. Raises InputError for a picture that cannot
        be read, or has another size than its marks are for."""
        given = [each.path if isinstance(each, Marked) else each.picture() for each in examples]
        found = Detect(opened)(given, DetectOptions(threshold=0.0), **options)
        for example, answer in zip(examples, found, strict=True):
            as_marked(example).check(answer.size)
        return found

    def scores(self, examples: Sequence[Example], answers: Sequence[Detected]) -> list[Score]:
        """mAP, mAP50, and the latter of each kind: see `scoring`."""
        return score([as_marked(each) for each in examples], [each.marked.marks for each in answers])

    def kept(self) -> dict[str, Any]:
        """See Scorer."""
        return {"file": str, "objects": int, "found": list[FoundCell]}

    def row(self, example: Example, answer: Detected) -> dict[str, Any]:
        """See Scorer: of what was found, what is more likely than not."""
        found = [one.cell() for one in answer.found if one.score > SURE]
        known = as_marked(example)
        return {"file": str(known.path), "objects": len(known.marks), "found": found}


def _check(opened: Opened, album: Album, where: str) -> None:
    """Raises InputError where the model knows none of what is to be found; some that it does not know it has not found."""
    known = Detect(opened).labels
    if not set(known) & set(album.labels):
        said = f"{where} marks {', '.join(album.labels)[:80] or 'nothing'}"
        raise InputError(f"{said}, and {opened.manifest.name} finds none of it.", f"It knows {', '.join(known)[:120]}.")


def _listed(told: Any, where: str) -> list[Any]:
    try:
        found = json.loads(told) if isinstance(told, str) else told
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise InputError(f"{where}: what is to be found is a list of objects: got {str(told)[:40]!r}.", "Write [] where there is none.")
    return found


def _mark(told: Any, where: str) -> Mark:
    match told:
        case {"label": str(label), **rest} if all(isinstance(rest.get(edge), int | float) for edge in CORNERS):
            left, top, right, bottom = (float(rest[edge]) for edge in CORNERS)
            return Mark(label, (left, top, right, bottom))
    raise InputError(f"{where}: an object has label, {', '.join(CORNERS)}: got {str(told)[:60]}.", "Give pixels as numbers.")
