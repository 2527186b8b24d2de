"""What `limelight transcribe` does, once its options are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.formats import STANDARD
from ..errors import InputError, RecipeError, did_you_mean
from ..files import made, replaced
from ..inputs.sounds import ENDINGS, Sound, open_pcm, open_sound
from ..look.visible import visible
from ..tasks.asking import with_changes
from ..tasks.bulk import one_line
from ..tasks.transcribe import Segment, Transcribe, Transcribed, TranscribeOptions
from ..tasks.transcribe.task import Tell
from .files import Files, Unread
from .given import as_json
from .options import Opening
from .progress import bar
from .streams import is_terminal, note, say

FORMS: dict[str, tuple[str, Callable[[Transcribed], str]]] = {
    "text": (".txt", lambda result: f"{result.text}\n"),
    "srt": (".srt", Transcribed.srt),
    "vtt": (".vtt", Transcribed.vtt),
    "json": (".json", lambda result: f"{as_json(result)}\n"),
}
WITH_WORDS = ("vtt", "json")


@dataclass(frozen=True)
class Job:
    """All that was asked for. `pcm`: samples a second of a pipe; `words`: None where the form decides."""

    given: tuple[str, ...]
    at: Opening
    options: Mapping[str, Any]
    pcm: int | None
    form: str
    words: bool | None
    output: str | None
    resume: bool


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together, and InputError, once all others are done, for what cannot be read."""
    _check_together(job)
    words = job.form in WITH_WORDS if job.words is None else job.words
    options = with_changes("transcribe", None, TranscribeOptions, {**job.options, "words": words})
    if job.pcm is not None:
        _stream(job.at.task("transcribe"), options, job)
        return
    files = _files(job)
    there = [path for path in files if not (job.resume and files[path].is_file())]
    if left_out := len(files) - len(there):
        note(f"limelight: note: {left_out:,} of {len(files):,} recordings are done already.")
    if there:
        _each(job.at.task("transcribe"), options, job, {path: files[path] for path in there})


def _check_together(job: Job) -> None:
    if job.form not in FORMS:
        raise RecipeError(f'no form "{job.form}".', did_you_mean(job.form, FORMS))
    if job.pcm is not None and (job.given or job.output is not None):
        odd = "--output" if job.output is not None else "AUDIO"
        raise RecipeError(f"--pcm hears standard input, and prints what it hears: got {odd} as well.", f"Leave {odd} out.")
    if job.pcm is None and not job.given:
        raise RecipeError("there is nothing to hear: got no AUDIO.", "Give files or folders, - for a file on stdin, or --pcm RATE.")
    if job.resume and job.output is None:
        raise RecipeError("--resume goes on with an --output, and there is none.", "Say --output FOLDER.")


# --- a pipe -----------------------------------------------------------------------------------------------------------
def _stream(transcribe: Transcribe, options: TranscribeOptions, job: Job) -> None:
    """Segments as they become sure, a line each; subtitles when all is heard, for they are one file."""
    sound = open_pcm(sys.stdin.buffer, job.pcm or 0, transcribe.opened.sounds.rate)      # pyright: ignore[reportArgumentType]
    for each in transcribe.stream(sound, options):
        match each:
            case Segment():
                if job.form == "json":
                    say(json.dumps({"segment": each.to_json()}, ensure_ascii=False))
                elif job.form == "text":
                    say(visible(each.text))
            case Transcribed():
                if job.form != "text":
                    say(FORMS[job.form][1](each), end="")


# --- files ------------------------------------------------------------------------------------------------------------
def _files(job: Job) -> dict[Path, Path]:
    """Each recording, and where what is heard in it goes, which is itself where that is standard output. Raises InputError for two that
    would go to one place, and for a folder without any."""
    files = Files(job.given, ENDINGS, Path)
    there = files.gathered()
    if job.output is not None:
        return files.beside(Path(job.output), FORMS[job.form][0], instead=True)
    if job.form in ("srt", "vtt") and len(there) > 1:
        raise RecipeError(f"{len(there):,} recordings make as many files of subtitles.", "Say --output FOLDER.")
    return {path: path for path in there}


def _each(transcribe: Transcribe, options: TranscribeOptions, job: Job, files: Mapping[Path, Path]) -> None:
    """In the order in which they are given on standard output, as they are done in a folder."""
    unread, order, waiting, shown = Unread(), list(files), dict[int, Transcribed | InputError](), 0
    given: list[Path | bytes | Sound] = [sys.stdin.buffer.read() if str(path) == STANDARD else path for path in order]
    if len(given) == 1:
        given = [open_sound(given[0], transcribe.opened.sounds.rate)]
    with _watched(given, job) as (show_files, tell):
        try:
            for place, result in transcribe.each(given, options, tell=tell):
                unread.add(order[place], result)
                waiting[place] = result
                if job.output is not None and isinstance(result, Transcribed):
                    _write(files[order[place]], FORMS[job.form][1](result))
                while job.output is None and shown in waiting:
                    _show(job, order, waiting.pop(shown), shown)
                    shown += 1
                show_files(unread.total)
        except KeyboardInterrupt:
            if job.output is not None:
                done = unread.total - len(unread.found)
                note(f"Stopped: {done:,} recordings are written down in {job.output}; the same command with --resume goes on.")
            raise
    if job.output is not None:
        note(f"{job.output}: {unread.total - len(unread.found):,} recordings written down.")
    unread.end()


@contextmanager
def _watched(given: Sequence[Path | bytes | Sound], job: Job) -> Iterator[tuple[Callable[[int], None], Tell | None]]:
    """What is told how many files are done, and how many seconds of each: a bar of the one, or of the other where there is one file."""
    if isinstance(only := given[0], Sound):
        with bar("transcribing", round(only.seconds or 0), unit="seconds") as show_at:
            show_at(0)
            yield _unseen, lambda _, seconds: show_at(round(seconds))
    elif job.output is None and is_terminal(sys.stdout):
        yield _unseen, None                                          # the answers themselves show how far it is
    else:
        with bar("transcribing", len(given), unit="files") as show_at:
            show_at(0)
            yield show_at, None


def _show(job: Job, order: Sequence[Path], result: Transcribed | InputError, place: int) -> None:
    """Nothing of what cannot be read: that is told at the end."""
    if isinstance(result, InputError):
        return
    alone = len(order) == 1
    if job.form == "json":
        say(json.dumps({**result.to_json(), "file": str(order[place])}, ensure_ascii=False))
    elif job.form == "text":
        say(visible(result.text) if alone else f"{visible(str(order[place]))}\t{visible(one_line(result.text))}")
    else:
        say(FORMS[job.form][1](result), end="")


def _write(path: Path, content: str) -> None:
    made(path.parent)
    with replaced(path) as draft:
        draft.write_text(content, encoding="utf-8")


def _unseen(done: int) -> None:
    """Nobody looks."""
    del done
