"""What `limelight translate` does, once its options are read."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, RecipeError, TaskError
from ..look.picture import Picture
from ..tasks.translate.task import Translate, TranslateOptions
from ..tasks.writing.generated import Generated
from ..tasks.writing.writer import Writer
from .given import Asked, Given, Shown, answer
from .options import Opening, Search
from .searching import search_options
from .streams import note, say
from .written import listed, show_stream

MOST_PICTURES = 500          # a page with more is too heavy to open


@dataclass(frozen=True)
class Job:
    """All that was asked for. `page`: where the picture goes, None where there is none to make."""

    given: Given
    at: Opening
    search: Search
    languages: tuple[str | None, str | None]
    stream: bool
    page: Path | None


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together."""
    _check_together(job)
    translate = job.at.task("translate")
    manifest = translate.opened.manifest
    if job.page is not None and manifest.aligner is None:
        raise TaskError(
            f"the model {manifest.name} has no measured aligner: nothing says which attention aligns words.",
            "Train it with an [align] part in its recipe, or leave --look out.",
        )
    options = _options(job, translate)
    shown = _Shown(job.given, listed, page=job.page)
    if not job.stream:
        answer(Asked(translate, translate.opened, options, name="translation", doing="translating"), job.given, shown)
        return
    for text in job.given.each():
        show_stream(translate.stream(text, options), shown)
    shown.end()


def _options(job: Job, translate: Translate) -> TranslateOptions:
    source, target = job.languages
    return TranslateOptions(
        **search_options(job.search, Writer(translate.opened, "translate")),
        align=job.page is not None or (job.given.as_json and job.given.table.output is None),
        source_language=source,
        target_language=target,
    )


def _check_together(job: Job) -> None:
    if job.given.table.file is not None and (job.stream or job.page is not None):
        raise RecipeError(f"{'--stream' if job.stream else '--look'} is for texts to read, not for files.", "Give TEXT instead of --file.")
    if job.stream and job.search.nbest > 1:
        raise RecipeError("--stream shows one translation as it grows, --nbest asks for several.", "Leave one of them out.")


@dataclass
class _Shown(Shown):
    """Translations, and the pictures of them where those are wanted."""

    page: Path | None = None
    pictures: list[Picture] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def results(self, results: list[Generated]) -> None:
        """See Shown; with pictures, each stands below its own translation."""
        for each in [results] if self.page is None else ([result] for result in results):
            super().results(each)

    def after(self, result: Generated) -> None:
        """See Shown."""
        super().after(result)
        if self.page is None:
            return
        self.pictures.extend(result.pictures)
        if len(self.pictures) > MOST_PICTURES:
            raise InputError(f"more than {MOST_PICTURES} sentences to look at.", "Look at fewer at a time, or use --json for all.")
        if not self.given.as_json:
            for picture in result.pictures:
                say("\n" + _drawn(picture))

    def end(self) -> None:
        """Write the page, and say where it is and how long all took."""
        super().end()
        if self.page is None:
            return
        if self.pictures:
            from ..look.html import save

            save(self.pictures, self.page)
            note(f"The same, to look around in: {self.page}")
        else:
            note("There was nothing to look at: no page was written.")
        seconds = time.perf_counter() - self.began
        note(f"{self.count} text{'' if self.count == 1 else 's'} in {seconds:.2f} s.")


def _drawn(picture: Picture) -> str:
    """The picture as standard output can show it."""
    from rich.console import Console

    from ..look.terminal import show

    console = Console(file=sys.stdout)
    with console.capture() as caught:
        show(picture, console)
    return caught.get()
