"""limelight align: a source and its translation, pairs of them on standard input, or a file. The options; `aligning` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command

Pair = Annotated[list[str] | None, typer.Argument(metavar="[SOURCE TARGET]", help="A text and its translation; or standard input: a|||b.")]


def align(
    *,
    at: o.Bundled,
    pair: Pair = None,
    table: o.Table,
    target_column: Annotated[str | None, typer.Option(help="The column of FILE with the translations; by default target.")] = None,
    target_file: Annotated[str | None, typer.Option(help="A text file with the translations of FILE, which is one too.")] = None,
    spaces: Annotated[bool, typer.Option("--spaces", help="A word is what stands between spaces, for texts in words.")] = False,
    source: Annotated[str | None, typer.Option("--from", help="The source's language, for a model of several.")] = None,
    target: Annotated[str | None, typer.Option("--to", help="The translation's language, for a model of several.")] = None,
    batch: o.Batch = 32,
    html: Annotated[Path | None, typer.Option(help="Write a page to look around in.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Tell which words of a given translation come from which of its source, by how the model attends as it is led through it.

    Files get a line a pair in the Pharaoh format: 0-0 1-2 ...
    """
    from .aligning import Job, run
    from .given import Given

    told = tuple(pair or ())
    given = Given(told[:1], table, as_json)
    options = {"split": "spaces" if spaces else "words", "source_language": source, "target_language": target, "batch": batch}
    run(Job(given, at, told, options, target_column, target_file, page=html))


command = as_command(
    align,
    name="align",
    examples="""
        limelight align "The black cat ate the mouse." "Le chat noir a mangé la souris."
        limelight align --file pairs.tsv --column en --target-column fr --output aligned.tsv
        limelight align --file corpus.en.txt --target-file corpus.fr.txt --spaces > corpus.align
    """,
)
