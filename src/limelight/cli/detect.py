"""limelight detect: pictures, and folders of them. The options; `detecting` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def detect(
    *,
    at: o.Opening,
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Pictures, and folders of them.")],
    rows: o.Rows,
    threshold: Annotated[float | None, typer.Option(help="How likely an object must be, 0 to 1; by default 0.5.")] = None,
    overlap: Annotated[
        float | None, typer.Option(help="Of two with one label that overlap more, keep the likelier; 1 keeps all; else as the model says.")
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Tell where it was looked for each object; in JSON, and with --out.")] = False,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="text, json, coco (one file) or voc (a file each).")] = "text",
    out: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Draw what is found, a picture for each.")] = None,
    batch: Annotated[int | None, typer.Option(help="Pictures at once, those of one size.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Find objects on pictures: their labels, scores and boxes, in pixels of the picture as it is held. --output takes a table; with
    --format coco a JSON file, with voc a folder. A picture that cannot be read does not stop the others: it is named at the end, and the
    exit code is 2 then."""
    from .detecting import Job, run

    asked = {"threshold": threshold, "overlap": overlap, "look": look or None, "batch": batch}
    asked = {name: one for name, one in asked.items() if one is not None}
    run(Job(tuple(pictures), at, rows, asked, "json" if as_json else form, out))


command = as_command(
    detect,
    name="detect",
    examples="""
        limelight detect -m facebook/detr-resnet-50 street.jpg
        limelight detect -m hustvl/yolos-tiny street.jpg --threshold 0.8 --out drawn
        limelight detect -m facebook/detr-resnet-50 photos/ --output found.jsonl --resume
        limelight detect -m ./detector photos/ --format coco --output found.json
        limelight detect -m ./detector photos/ --format voc --output marks --resume
        limelight detect -m ./detector cell.png --look --json
    """,
)
