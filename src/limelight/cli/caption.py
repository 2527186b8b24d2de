"""limelight caption: pictures, and folders of them. The options; `captioning` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def caption(
    *,
    at: o.Opening,
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Pictures, and folders of them.")],
    rows: o.Rows,
    search: o.Search,
    prompt: Annotated[str, typer.Option(metavar="TEXT", help='What captions begin with, for instance "a photography of".')] = "",
    look: Annotated[bool, typer.Option("--look", help="Tell for each word where the model looked, and what there is to that.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Draw that, a sheet for each picture.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Say in a sentence what is on pictures: files, or folders of them. One that cannot be read does not stop the others: it is named at
    the end, and the exit code is 2 then."""
    from .captioning import Job, run

    run(Job(tuple(pictures), at, rows, search, prompt, look or out is not None, out, as_json))


command = as_command(
    caption,
    name="caption",
    examples="""
        limelight caption -m nlpconnect/vit-gpt2-image-captioning cat.jpg
        limelight caption -m Salesforce/blip-image-captioning-base cat.jpg --prompt "a photography of" --beam 3
        limelight caption -m Salesforce/blip-image-captioning-base cat.jpg --look --out sheets
        limelight caption -m ./captioner pictures/ --output captions.jsonl --resume
    """,
)
