"""What `limelight caption` does, once its options are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len

from ..files import made, replaced
from ..inputs import pictures
from ..look.visible import column, visible
from ..tasks.asking import with_changes
from ..tasks.bulk import one_line
from ..tasks.caption.captioned import Captioned
from ..tasks.caption.drawing import lost
from ..tasks.caption.task import Caption, CaptionOptions
from ..tasks.writing.writer import Writer
from .files import Files, answer_files
from .given import Asked
from .options import Opening, Rows, Search
from .searching import search_options


@dataclass(frozen=True)
class Job:
    """All that was asked for. `out`: the folder that sheets are drawn into."""

    given: tuple[str, ...]
    at: Opening
    rows: Rows
    search: Search
    prompt: str
    look: bool
    out: Path | None
    as_json: bool


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together, and InputError, once all others are done, for what cannot be read."""
    task: Caption = job.at.task("caption")
    asked = {**search_options(job.search, Writer(task.opened, "caption")), "prompt": job.prompt, "look": job.look}
    options = with_changes("caption", None, CaptionOptions, asked)
    files = Files(job.given, pictures.ENDINGS, pictures.read)
    if job.out is not None:
        files = Files(job.given, pictures.ENDINGS, pictures.read, after=_Sheets(task, files.beside(job.out, ".png")))
    wanted = Asked(task, task.opened, options, name="caption", doing="captioning")
    answer_files(wanted, files, job.rows, as_json=job.as_json, person=_person)


@dataclass(frozen=True)
class _Sheets:
    """Draws where the words of a caption looked, a sheet for each picture. `places`: where it goes."""

    task: Caption
    places: Mapping[Path, Path]

    def __call__(self, path: Path, result: Captioned) -> None:
        """Raises InputError where it cannot be written."""
        place, drawn = self.places[path], self.task.sheet(path, result)
        made(place.parent)
        with replaced(place) as draft:
            drawn.save(draft, "PNG")


def _person(result: Captioned, number: int | None) -> str:
    """A caption, or a line for each of several with its score; alone, with the words below, if they were looked at: the square that each
    was looked at most for, and what it loses without."""
    if result.several:
        return "\n".join(f"{each.score:.4f}\t{one_line(each.text)}" for each in result.nbest)
    if number is not None or not result.words:
        return one_line(result.text)
    wide = max(cell_len(visible(each.word)) for each in result.words)
    lines = [f"  {column(visible(each.word), wide)}  {_where(each.map)}  {lost(each)}" for each in result.words]
    return "\n".join([one_line(result.text), *lines, result.trust])


def _where(shares: tuple[tuple[float, ...], ...]) -> str:
    row, best = max(enumerate(shares, 1), key=lambda each: max(each[1]))
    return f"row {row}, column {best.index(max(best)) + 1}"
