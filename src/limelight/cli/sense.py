"""limelight sense: texts with one word in them, given here or as a table."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def sense(
    model: o.Model,
    texts: o.Texts = None,
    word: Annotated[str | None, typer.Option(help="The word that stands in each text.")] = None,
    occurrence: Annotated[int, typer.Option(min=1, help="Which of its places in a text, counted from 1.")] = 1,
    file: o.File = None,
    format: o.Format = None,
    column: o.Column = None,
    batch: o.Batch = 32,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    as_json: o.AsJson = False,
) -> None:
    """Show how far apart a word's vectors lie in two texts or more, layer by layer, beside how far different words lie apart.

    A table has the texts and, where they are there, the columns word (the form in that text) and label (its sense): with labels it is told
    how often the nearest use has the same sense.
    """
    from .given import Given, Table
    from .sensing import run

    given = Given(tuple(texts or ()), Table(file=file, format=format, column=column), as_json)
    run(given, word, {"occurrence": occurrence, "batch": batch}, (model, device, dtype))


command = as_command(
    sense,
    name="sense",
    examples="""
        limelight sense -m ./bert-base-uncased "Apple was juicy." "Apple stock crashed." --word apple
        limelight sense -m ./bert-base-uncased --file uses.tsv --word bank --json
    """,
)
