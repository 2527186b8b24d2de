"""limelight generate: prompts, standard input or a file."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def generate(
    *,
    at: o.Opening,
    texts: o.Texts = None,
    table: o.Table,
    search: o.Search,
    stop: Annotated[list[str] | None, typer.Option(help="A text that ends an answer; may be given several times.")] = None,
    named: Annotated[bool, typer.Option("--named", help="Read the names of marks in a prompt (<|endoftext|>) as marks.")] = False,
    draft: Annotated[str | None, typer.Option(metavar="MODEL|lookup", help="Guess ahead with a small model, or by looking back.")] = None,
    stream: o.Streamed = False,
    as_json: o.AsJson = False,
) -> None:
    """Go on with texts: given here, from standard input (a text a line), or from a column of a file. Only what is new is printed."""
    from .given import Given
    from .written import Writes, write

    more = {"stop": tuple(stop or ()), "named": named, "draft": draft}
    given = Given(tuple(texts or ()), table, as_json)
    write(Writes("generate", "generated", "generating", open_ended=True), given, at, search, more, stream)


command = as_command(
    generate,
    name="generate",
    examples="""
        limelight generate -m ./gpt2 "Once upon a time" --max-length 40
        limelight generate -m ./gpt2 "The parcel" --temperature 0.8 --top-p 0.9 --seed 3 --nbest 3
        limelight generate -m ./flan-t5 "Answer kindly: where is my parcel?" --stream
        limelight generate -m ./gpt2 "The parcel" --beam 1 --draft ./distilgpt2
        limelight generate -m ./gpt2 --file prompts.csv --column prompt --output answers.jsonl --resume
    """,
)
