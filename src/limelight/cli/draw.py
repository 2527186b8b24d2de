"""limelight draw: a text -> pictures. The options; `drawing` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def draw(
    *,
    at: o.Opening,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be drawn.")],
    seeds: Annotated[str, typer.Option(metavar="N-M,K", help="A picture for each: 0-15, or 3,7.")] = "0",
    out: Annotated[str, typer.Option("--out", "-o", metavar="FILE", help="Where it goes; of several, each with its seed.")] = "drawn.png",
    grid: Annotated[bool, typer.Option("--grid", help="All pictures in one file.")] = False,
    guidance: Annotated[float | None, typer.Option(help="By how much more than by itself the text counts; 1 for no more.")] = None,
    temperature: Annotated[float | None, typer.Option(help="1 draws by the model's own probabilities.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw among the K likeliest.")] = None,
    words: Annotated[bool, typer.Option("--words", help="Tell which words stand behind each patch, and what there is to that.")] = False,
    rank: Annotated[str | None, typer.Option(metavar="MODEL", help="Best first, by a captioner or one such as CLIP.")] = None,
    keep: Annotated[int | None, typer.Option(metavar="K", help="Write the K best; with --rank.")] = None,
    batch: Annotated[int, typer.Option(help="Pictures at once.")] = 16,
    as_json: o.AsJson = False,
) -> None:
    """Draw a text, a picture for each seed: the same one whenever it is drawn, whatever others are drawn with it."""
    from .drawing import Job, run

    asked = {"guidance": guidance, "temperature": temperature, "top_k": top_k, "words": words or None, "batch": batch}
    run(Job(text, at, seeds, Path(out), grid, rank, keep, {name: one for name, one in asked.items() if one is not None}, as_json))


command = as_command(
    draw,
    name="draw",
    examples="""
        limelight draw -m ./dalle-mini "an armchair in the shape of an avocado" --seeds 0-15 --grid
        limelight draw -m ./dalle-mini "a red circle above a blue square" --seeds 3,7 --out circle.png --words
        limelight draw -m ./dalle-mini "a cat" --seeds 0-31 --rank ./clip --keep 4
        limelight draw -m ./dalle-mini "a cat" --guidance 4 --temperature 0.8 --json
    """,
)
