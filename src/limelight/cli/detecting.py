"""What `limelight detect` does, once its options are read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.boxes import to_coco, to_voc
from ..errors import RecipeError, did_you_mean
from ..files import made, replaced
from ..inputs import pictures
from ..look.visible import visible
from ..tasks.asking import with_changes
from ..tasks.detect import Detect, Detected, DetectOptions, drawn, enlarged, sheet
from ..tasks.files import answered_files
from .files import Files, Unread, answer_files
from .given import Asked
from .options import Opening, Rows
from .progress import bar
from .streams import note, say

FORMS = ("text", "json", "coco", "voc")


@dataclass(frozen=True)
class Job:
    """All that was asked for. `options`: those of the task that were given; `out`: the folder that pictures are drawn into."""

    given: tuple[str, ...]
    at: Opening
    rows: Rows
    options: Mapping[str, Any]
    form: str
    out: Path | None


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together, and InputError, once all others are done, for what cannot be read."""
    _check_together(job)
    options = with_changes("detect", None, DetectOptions, job.options)
    files = Files(job.given, pictures.ENDINGS, pictures.read)
    if job.out is not None:
        files = replace(files, after=_Drawings(files.beside(job.out, ".png"), options.look))
    detect: Detect = job.at.task("detect")
    asked = Asked(detect, detect.opened, options, name="found", doing="detecting")
    match job.form:
        case "coco":
            _coco(asked, files, detect.labels, job.rows.output)
        case "voc":
            _voc(asked, files, job.rows)
        case form:
            answer_files(asked, files, job.rows, as_json=form == "json", person=_person)


def _check_together(job: Job) -> None:
    rows = job.rows
    if job.form not in FORMS:
        raise RecipeError(f'no form "{job.form}".', did_you_mean(job.form, FORMS))
    if job.form in ("coco", "voc") and rows.to_column is not None:
        raise RecipeError(f"--to-column is about a table, and --format {job.form} makes none.", "Leave one of them out.")
    if job.form == "coco" and rows.resume:
        raise RecipeError("--resume goes on with a table, or with files of voc: got --format coco.", "Say --output found.jsonl instead.")
    if job.form == "voc" and rows.resume and rows.output is None:
        raise RecipeError("--resume is about an --output, and there is none.", "Say --output FOLDER.")


@dataclass(frozen=True)
class _Drawings:
    """Draws what was found, `look`: on a sheet with where it was looked for it. `places`: where each picture goes."""

    places: Mapping[Path, Path]
    look: bool

    def __call__(self, path: Path, result: Detected) -> None:
        """Raises InputError where it cannot be written."""
        draw, place = sheet if self.look else drawn, self.places[path]
        made(place.parent)
        with replaced(place) as draft:
            draw(*enlarged(pictures.read(path), result)).save(draft, "PNG")


def _person(result: Detected, number: int | None) -> str:
    """A line for each object of the only picture; of several a line each."""
    if number is None:
        return str(result)
    return "\t".join(f"{visible(one.label)} {one.score:.2f} {' '.join(f'{edge:.0f}' for edge in one.box)}" for one in result.found)


# --- as other tools have it ---------------------------------------------------------------------------------------------
def _coco(asked: Asked, files: Files, labels: Sequence[str], output: str | None) -> None:
    there, unread = files.gathered(), Unread()
    names = _named(files.given, there)
    found = [replace(result.marked, path=names[path]) for path, result in _each(asked, files, there, unread)]
    if found or not unread.found:
        _put(output, json.dumps(to_coco(found, labels), ensure_ascii=False))
    unread.end()


def _named(given: Sequence[str], there: Sequence[Path]) -> dict[Path, Path]:
    """Pictures as COCO names them: within the folder that was given, or by name alone; as they were given where two would be alike."""
    folders = [folder for folder in map(Path, given) if folder.is_dir()]
    homes = {path: next((folder for folder in folders if path.is_relative_to(folder)), path.parent) for path in there}
    names = {path: path.relative_to(home) for path, home in homes.items()}
    return names if len({*names.values()}) == len(names) else {path: path for path in there}


def _voc(asked: Asked, files: Files, rows: Rows) -> None:
    there, unread = files.gathered(), Unread()
    if rows.output is None and len(there) > 1:
        raise RecipeError(f"{len(there):,} pictures make as many files of voc.", "Say --output FOLDER.")
    places = {} if rows.output is None else files.beside(Path(rows.output), ".xml", instead=True)
    left = [path for path in there if not (rows.resume and places[path].is_file())]
    if done := len(there) - len(left):
        note(f"limelight: note: {done:,} of {len(there):,} pictures are done already.")
    for path, result in _each(asked, files, left, unread):
        if places:
            made(places[path].parent)
        _put(str(places[path]) if places else None, to_voc(replace(result.marked, path=path)).rstrip("\n"))
    if places:
        note(f"{rows.output}: {unread.total - len(unread.found):,} files written.")
    unread.end()


def _each(asked: Asked, files: Files, left: Sequence[Path], unread: Unread) -> Iterator[tuple[Path, Detected]]:
    """Pictures with what was found in them, in order; what cannot be read is counted."""
    with bar(asked.doing, len(left), unit="files") as show_at:
        show_at(0)
        for chunk in answered_files(asked.task, left, asked.options, opening=files.opening):
            for path, said in chunk:
                unread.add(path, said)
                if isinstance(said, Detected):
                    if files.after is not None:
                        files.after(path, said)
                    yield path, said
            show_at(unread.total)


def _put(output: str | None, text: str) -> None:
    if output is None:
        say(text)
        return
    with replaced(Path(output)) as draft:
        draft.write_text(f"{text}\n", encoding="utf-8")
