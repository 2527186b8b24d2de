"""What `limelight translate` does, once its options are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import RecipeError
from ..tasks.translate.task import Translate, TranslateOptions
from ..tasks.writing.writer import Writer
from .given import Asked, Given, answer
from .options import Opening, Search
from .pictured import Pictured
from .searching import search_options
from .written import listed, show_stream


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
    options = _options(job, translate)
    shown = Pictured(job.given, listed, drawn=job.page is not None, page=job.page)
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
        align=True if job.page is not None else None if job.given.as_json and job.given.table.output is None else False,
        source_language=source,
        target_language=target,
    )


def _check_together(job: Job) -> None:
    if job.given.table.file is not None and (job.stream or job.page is not None):
        raise RecipeError(f"{'--stream' if job.stream else '--look'} is for texts to read, not for files.", "Give TEXT instead of --file.")
    if job.stream and job.search.nbest > 1:
        raise RecipeError("--stream shows one translation as it grows, --nbest asks for several.", "Leave one of them out.")
