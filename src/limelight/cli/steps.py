"""limelight steps: the way from a text to what a model says of it. The options; `stepping` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from .look import Named, Reading, Said
from .options import AsJson
from .table import as_command


def steps(
    *,
    model: Named,
    text: Said,
    reading: Reading,
    at: Annotated[int | None, typer.Option(min=0, help="Show this step in full, counted from 0.")] = None,
    head: Annotated[str | None, typer.Option(metavar="NAME:H", help="Show the arithmetic of this head, such as decoder.1.self:3.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the way from a text to the model's answer, with its own numbers: tokens, and what each step chose and could have chosen; with
    --at, one step from its token through every layer to its logits, and with --head the dot products, weights and values of a head."""
    from .stepping import Job, run

    run(Job(model, text, reading, at, head, as_json))


command = as_command(
    steps,
    name="steps",
    examples="""
        limelight steps en-fr "The black cat ate the mouse."
        limelight steps en-fr "The black cat ate the mouse." --at 2 --head decoder.1.cross:0
        limelight steps ./gpt2 "The cat sat because" --new 5 --at 0 --json
        limelight steps sentiment-en "Good camera, weak battery." --at 3
    """,
)
