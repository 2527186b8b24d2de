"""limelight transcribe: recordings, folders of them, or a pipe. The options; `transcribing` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command

Sounds = Annotated[list[str] | None, typer.Argument(metavar="[AUDIO]...", help="Recordings, and folders of them; - : a file on stdin.")]


def transcribe(
    *,
    at: o.Opening,
    sounds: Sounds = None,
    pcm: Annotated[int | None, typer.Option(metavar="RATE", help="Hear stdin as it comes: 16-bit samples, mono, RATE a second.")] = None,
    language: Annotated[str | None, typer.Option(metavar="CODE", help="The language that is spoken; else it is found out.")] = None,
    translate: Annotated[bool, typer.Option("--translate", help="Write English, whatever is spoken.")] = False,
    times: Annotated[bool, typer.Option("--times/--no-times", help="Let the model write times, at which long recordings are cut.")] = True,
    words: Annotated[bool | None, typer.Option("--words/--no-words", help="The time of each word; by default in json and vtt.")] = None,
    retry: Annotated[bool, typer.Option("--retry/--no-retry", help="Draw again what the model held unlikely, or repeats.")] = True,
    follow: Annotated[bool, typer.Option("--follow", help="Tell each stretch of a long recording what was said before it.")] = False,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text, srt, vtt or json.")] = "text",
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FOLDER", help="A file for each recording, in here.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out recordings whose file is there already.")] = False,
    beam: Annotated[int | None, typer.Option(help="Partial answers kept at once; 1 is greedy.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens at most of what is written of one stretch.")] = None,
    every: Annotated[float, typer.Option(metavar="SECONDS", help="How much new sound --pcm waits for before it listens again.")] = 5.0,
    batch: Annotated[int, typer.Option(help="Recordings at once.")] = 8,
    as_json: o.AsJson = False,
) -> None:
    """Write down what is said in recordings, with times: files of any usual kind and rate, however long, or a pipe as it comes.

    A recording that cannot be read does not stop the others: it is named at the end, and the exit code is 2 then.
    """
    from .transcribing import Job, run

    asked = {"language": language, "translate": translate, "times": times, "retry": retry, "beam": beam, "max_length": max_length}
    asked |= {"follow": follow, "every": every, "batch": batch}
    run(Job(tuple(sounds or ()), at, asked, pcm, "json" if as_json else form, words, output, resume))


command = as_command(
    transcribe,
    name="transcribe",
    examples="""
        limelight transcribe -m openai/whisper-tiny speech.wav
        limelight transcribe -m openai/whisper-tiny talk.mp3 --format srt > talk.srt
        limelight transcribe -m openai/whisper-small talks/ --output subtitles --format vtt --resume
        limelight transcribe -m openai/whisper-tiny interview.flac --language de --translate --json
        arecord -q -f S16_LE -r 16000 -c 1 | limelight transcribe -m openai/whisper-tiny --pcm 16000
    """,
)
