"""limelight summarize: texts, standard input, or a table."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def summarize(
    model: o.Model,
    texts: o.Texts = None,
    whole: o.Whole = None,
    file: o.File = None,
    format: o.Format = None,
    column: o.Column = None,
    output: o.Output = None,
    to_column: o.ToColumn = None,
    resume: o.Resume = False,
    beam: o.Beam = None,
    nbest: o.Nbest = 1,
    length_penalty: o.LengthPenalty = None,
    max_length: o.MaxLength = None,
    min_length: o.MinLength = None,
    no_repeat: o.NoRepeat = None,
    refuse: Annotated[bool, typer.Option("--refuse-long", help="Refuse a text that the model cannot read at once.")] = False,
    batch: o.Batch = 8,
    stream: o.Streamed = False,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    as_json: o.AsJson = False,
) -> None:
    """Summarize texts: given here, whole files (--in), standard input (a text a line), or a column of a table. A text longer than the
    model reads at once is summarized in parts, and it is said in how many."""
    from .given import Given, Table
    from .searching import Search
    from .written import Writes, write

    search = Search(
        beam=beam,
        nbest=nbest,
        length_penalty=length_penalty,
        max_length=max_length,
        min_length=min_length,
        no_repeat=no_repeat,
        batch=batch,
    )
    table = Table(file=file, format=format, column=column, output=output, to_column=to_column, resume=resume)
    given = Given(tuple(texts or ()), table, as_json, whole=tuple(whole or ()))
    more = {"long": "refuse" if refuse else "parts"}
    write(Writes("summarize", "summary", "summarizing"), given, (model, device, dtype), search, more, stream)


command = as_command(
    summarize,
    name="summarize",
    examples="""
        limelight summarize -m ./distilbart-cnn --in article.txt --max-length 60
        limelight summarize -m ./t5-small --file visits.csv --column note --output visits.jsonl --resume
        cat notes.txt | limelight summarize -m ./t5-small --json
    """,
)
