"""limelight sense: texts with one word in them, given here or as a table."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def sense(
    *,
    at: o.Opening,
    texts: o.Texts = None,
    word: Annotated[str | None, typer.Option(help="The word that stands in each text.")] = None,
    occurrence: Annotated[int, typer.Option(min=1, help="Which of its places in a text, counted from 1.")] = 1,
    source: o.Source,
    batch: o.Batch = 32,
    as_json: o.AsJson = False,
) -> None:
    """Show how far apart a word's vectors lie in two texts or more, layer by layer, beside how far different words lie apart.

    A table has the texts and, where they are there, the columns word (the form in that text) and label (its sense): with labels it is told
    how often the nearest use has the same sense.
    """
    from .given import Given
    from .sensing import run

    given = Given(tuple(texts or ()), o.Table(file=source.file, format=source.format, column=source.column), as_json)
    run(given, word, {"occurrence": occurrence, "batch": batch}, at)


command = as_command(
    sense,
    name="sense",
    examples="""
        limelight sense -m ./bert-base-uncased "Apple was juicy." "Apple stock crashed." --word apple
        limelight sense -m ./bert-base-uncased --file uses.tsv --word bank --json
    """,
)
