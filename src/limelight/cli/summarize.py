"""limelight summarize: texts, standard input, or a table."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def summarize(
    *,
    at: o.Opening,
    texts: o.Texts = None,
    whole: o.Whole = None,
    table: o.Table,
    search: o.Search,
    refuse: Annotated[bool, typer.Option("--refuse-long", help="Refuse a text that the model cannot read at once.")] = False,
    stream: o.Streamed = False,
    as_json: o.AsJson = False,
) -> None:
    """Summarize texts: given here, whole files (--in), standard input (a text a line), or a column of a table. A text longer than the
    model reads at once is summarized in parts, and it is said in how many."""
    from .given import Given
    from .written import Writes, write

    given = Given(tuple(texts or ()), table, as_json, whole=tuple(whole or ()))
    more = {"long": "refuse" if refuse else "parts"}
    write(Writes("summarize", "summary", "summarizing"), given, at, search, more, stream)


command = as_command(
    summarize,
    name="summarize",
    examples="""
        limelight summarize -m ./distilbart-cnn --in article.txt --max-length 60
        limelight summarize -m ./t5-small --file visits.csv --column note --output visits.jsonl --resume
        cat notes.txt | limelight summarize -m ./t5-small --json
    """,
)
