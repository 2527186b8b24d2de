"""limelight fill: texts, standard input or a file, with a mask where a word is to be guessed."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def fill(
    *,
    at: o.Opening,
    texts: o.Texts = None,
    top_k: Annotated[int, typer.Option(min=1, help="Guesses shown for each mask.")] = 5,
    target: Annotated[list[str] | None, typer.Option(help="Score this word only; may be given several times.")] = None,
    table: o.Table,
    batch: o.Batch = 32,
    as_json: o.AsJson = False,
) -> None:
    """Guess the words that are left out of texts: given here, from standard input (a text a line), or from a column of a file.

    What is left out is written [MASK], <mask> or ___. A line for each guess: its probability, the token, and the text with it.
    """
    from .filling import FilledShown
    from .given import Asked, Given, answer

    given = Given(tuple(texts or ()), table, as_json)
    fills = at.task("fill")
    options = fills.Options(top_k=top_k, targets=tuple(target or ()), batch=batch)
    answer(Asked(fills, fills.opened, options, name="filled", doing="filling"), given, FilledShown(given))


command = as_command(
    fill,
    name="fill",
    examples="""
        limelight fill -m ./bert-base-uncased "Paris is the ___ of France."
        limelight fill -m ./roberta-base "The cat <mask> the mouse." --target ate --target saw
        limelight fill -m ./bert-base-uncased --file in.csv --column sentence --output out.jsonl
    """,
)
