"""What `limelight translate` does, once its options are read."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..data.formats import STANDARD
from ..data.lines import lines
from ..decode import Sample
from ..errors import InputError, RecipeError, TaskError
from ..look.picture import Picture
from ..tasks import task
from ..tasks.bulk import answer_file, answered, count_rows, one_line, open_answers, open_texts
from ..tasks.result import Result
from ..tasks.translate import Translate, TranslateOptions
from ..values import plain
from .progress import bar
from .streams import is_terminal, note, say

MOST_PICTURES = 500          # a page with more is too heavy to open


@dataclass(frozen=True)
class Search:
    """How to look for translations, as asked for; None where nothing was."""

    beam: int | None
    nbest: int
    length_penalty: float | None
    max_length: int | None
    batch: int
    drawn: dict[str, float | None]
    seed: int | None

    def options(self, *, align: bool) -> TranslateOptions:
        """As the task's own options. Raises RecipeError for mixtures in which something would not be heard."""
        drawn: dict[str, Any] = {name: value for name, value in self.drawn.items() if value is not None}
        if self.seed is not None and not drawn:
            raise RecipeError("--seed is for drawing, and a beam search draws nothing.", "Add --temperature, --top-k, --top-p or --min-p.")
        if self.length_penalty is not None and drawn:
            raise RecipeError("--length-penalty is for beams, and this draws.", "Leave it out, or leave out the options that draw.")
        return TranslateOptions(
            beam=self.beam,
            nbest=self.nbest,
            length_penalty=self.length_penalty,
            max_length=self.max_length,
            batch=self.batch,
            sample=Sample(**drawn, seed=self.seed or 0) if drawn else None,
            align=align,
        )


@dataclass(frozen=True)
class Table:
    """A file to translate, as asked for."""

    file: str | None
    format: str | None
    column: str | None
    output: str | None
    to_column: str | None
    resume: bool


@dataclass(frozen=True)
class Job:
    """All that was asked for. `page`: where the picture goes, None where there is none to make."""

    texts: tuple[str, ...]
    model: str
    device: str
    dtype: str
    search: Search
    table: Table
    stream: bool
    page: Path | None
    as_json: bool


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together, before anything is opened."""
    _check_together(job)
    options = job.search.options(align=job.page is not None or (job.as_json and job.table.output is None))
    translate = task("translate", job.model, device=job.device, dtype=job.dtype)
    if job.page is not None and translate.opened.manifest.aligner is None:
        raise TaskError(
            f"the model {translate.opened.manifest.name} has no measured aligner: nothing says which attention aligns words.",
            "Train it with an [align] part in its recipe, or leave --look out.",
        )
    if job.table.file is not None:
        _translate_file(translate, options, job, job.table.file)
    elif job.stream:
        _stream_texts(translate, options, job)
    else:
        _translate_texts(translate, options, job)


def _check_together(job: Job) -> None:
    table = job.table
    if table.file is None:
        needs = (("--format", table.format), ("--column", table.column), ("--output", table.output), ("--to-column", table.to_column))
        for name, value in (*needs, ("--resume", table.resume or None)):
            if value is not None:
                raise RecipeError(f"{name} is about a file, and there is no --file.", f"Say --file FILE too, or leave {name} out.")
    elif job.texts:
        raise RecipeError("TEXT and --file were both given.", "Give one of them.")
    elif job.stream or job.page is not None:
        raise RecipeError(f"{'--stream' if job.stream else '--look'} is for texts to read, not for files.", "Give TEXT instead of --file.")
    elif table.resume and table.output is None:
        raise RecipeError("--resume goes on with an --output, and there is none.", "Say --output FILE.")
    if job.stream and job.search.nbest > 1:
        raise RecipeError("--stream shows one translation as it grows, --nbest asks for several.", "Leave one of them out.")


# --- texts ----------------------------------------------------------------------------------------------------------
def _translate_texts(translate: Translate, options: TranslateOptions, job: Job) -> None:
    shown = _Shown(job, options)
    if _typed(job):
        options = replace(options, batch=1)
    keyed = ((None, text) for text in _given(job))
    for chunk in answered(translate, keyed, options, where=_where(job)):
        shown.results([result for _, result in chunk])
    shown.end()


def _stream_texts(translate: Translate, options: TranslateOptions, job: Job) -> None:
    """Words as they become sure. A Ctrl-C leaves those that are there, and the line is ended."""
    shown = _Shown(job, options)
    for text in _given(job):
        began = False
        try:
            for piece in translate.stream(text, options):
                if isinstance(piece, Result):
                    shown.streamed(piece)
                else:
                    say(json.dumps({"piece": piece}, ensure_ascii=False) if job.as_json else piece, end="\n" if job.as_json else "")
                    began = True
        except KeyboardInterrupt:
            if began and not job.as_json:
                say("")
            raise
    shown.end()


def _given(job: Job) -> Iterator[str]:
    for text in job.texts or (STANDARD,):
        if text != STANDARD:
            yield text
            continue
        if is_terminal(sys.stdin):
            note("A text a line; Ctrl-D ends.")
        yield from (line for _, line in lines(STANDARD))


def _typed(job: Job) -> bool:
    return (not job.texts or STANDARD in job.texts) and is_terminal(sys.stdin)


def _where(job: Job) -> str | None:
    """How a text that is refused is called; a single one needs no number."""
    if not job.texts:
        return "standard input, line"
    return "text" if len(job.texts) > 1 or STANDARD in job.texts else None


@dataclass
class _Shown:
    """Prints results as they come, and what there is to say at the end."""

    job: Job
    options: TranslateOptions
    count: int = 0
    cut: int = 0
    pictures: list[Picture] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def results(self, results: list[Result]) -> None:
        """Print several at once."""
        if self.job.page is None:
            say("\n".join(self._line(result, self.count + n) for n, result in enumerate(results)))
        for n, result in enumerate(results):
            if self.job.page is not None:
                say(self._line(result, self.count + n))
            self._after(result)
        self.count += len(results)

    def streamed(self, result: Result) -> None:
        """Print what is left to print of a result whose text was shown already."""
        say(json.dumps(result.to_json(), ensure_ascii=False) if self.job.as_json else "")
        self._after(result)
        self.count += 1

    def end(self) -> None:
        """Write the page, and say where it is and how long all took."""
        _say_cut(self.cut, self.count)
        page = self.job.page
        if page is None:
            return
        if self.pictures:
            from ..look.html import save

            save(self.pictures, page)
            note(f"The same, to look around in: {page}")
        else:
            note("There was nothing to look at: no page was written.")
        seconds = time.perf_counter() - self.began
        note(f"{self.count} text{'' if self.count == 1 else 's'} in {seconds:.2f} s.")

    def _line(self, result: Result, n: int) -> str:
        if self.job.as_json:
            return json.dumps(result.to_json(), ensure_ascii=False)
        alone = len(self.job.texts) == 1 and STANDARD not in self.job.texts
        if self.options.nbest == 1:
            return result.text if alone else one_line(result.text)
        number = "" if alone else f"{n + 1}\t"
        return "\n".join(f"{number}{c.score:.4f}\t{one_line(c.text)}" for c in result.nbest)

    def _after(self, result: Result) -> None:
        self.cut += not result.complete
        if self.job.page is None:
            return
        self.pictures.extend(result.pictures)
        if len(self.pictures) > MOST_PICTURES:
            raise InputError(f"more than {MOST_PICTURES} sentences to look at.", "Look at fewer at a time, or use --json for all.")
        if not self.job.as_json:
            for picture in result.pictures:
                say("\n" + _drawn(picture))


def _say_cut(cut: int, count: int) -> None:
    """Nothing is cut off silently."""
    if cut:
        which = "the translation was" if count == 1 else f"{cut} of {count} translations were"
        note(f"limelight: note: {which} cut off before the end.   Give --max-length more tokens.")


def _drawn(picture: Picture) -> str:
    """The picture as standard output can show it."""
    from rich.console import Console

    from ..look.terminal import show

    console = Console(file=sys.stdout)
    with console.capture() as caught:
        show(picture, console)
    return caught.get()


# --- files ----------------------------------------------------------------------------------------------------------
def _translate_file(translate: Translate, options: TranslateOptions, job: Job, file: str) -> None:
    table, name = job.table, translate.opened.manifest.name
    texts = open_texts(file, column=table.column, format=table.format)
    if job.as_json and table.output is None:
        for chunk in answered(translate, texts.keyed(texts.table.rows), options, where=f"{file}, row"):
            say("\n".join(json.dumps(result.to_json(), ensure_ascii=False) for _, result in chunk))
        return
    made_with = {"model": name, "dtype": str(translate.opened.dtype), "column": texts.column, **plain(replace(options, batch=1))}
    answers = open_answers(
        table.output or STANDARD,
        texts,
        column=table.to_column or "translation",
        many=options.nbest > 1,
        made_with=made_with,
        resume=table.resume,
    )
    began, before, done = time.perf_counter(), answers.output.done, 0
    with bar("translating", count_rows(file, table.format), unit="rows") as show_at:
        try:
            for done in answer_file(translate, texts, answers, options):
                show_at(done)
        except KeyboardInterrupt:
            if table.output is not None:
                note(f"Stopped: {done} rows are kept in {table.output}.part; the same command with --resume goes on.")
            raise
    _say_cut(answers.cut, done - before)
    _say_done(job, done, done - before, time.perf_counter() - began)


def _say_done(job: Job, rows: int, new: int, seconds: float) -> None:
    rate = new / seconds if seconds else 0.0
    if job.as_json:
        say(json.dumps({"output": job.table.output, "rows": rows, "translated": new, "seconds": round(seconds, 3)}, ensure_ascii=False))
    elif job.table.output not in (None, STANDARD):
        note(f"{job.table.output}: {rows} rows, {new} translated now, {rate:.1f} a second.")
