"""limelight embed: texts, standard input or a file, as vectors."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def embed(
    *,
    at: o.Opening,
    texts: o.Shown = None,
    similar: Annotated[bool, typer.Option("--similar", help="Show how near the texts lie to each other instead.")] = False,
    pool: Annotated[str | None, typer.Option(help="mean, first or last; by default what the folder says, else mean.")] = None,
    normalised: Annotated[bool | None, typer.Option("--normalised/--raw", help="Vectors of length 1, or as they come.")] = None,
    prompt: Annotated[str | None, typer.Option(help='What is put before each text ("query: ").')] = None,
    tokens: Annotated[bool, typer.Option("--tokens", help="The vector of each token as well; with --json.")] = False,
    table: o.Table,
    batch: o.Batch = 32,
    as_json: o.AsJson = False,
) -> None:
    """Turn texts into vectors: given here, from standard input (a text a line), or from a column of a file.

    A line of numbers for each text, with tabs between; --json says how they were made. A long text is read in windows.
    A model that reads pictures is given their files, or folders of them.
    """
    from .embedding import Wanted, run, run_files
    from .files import refuse_texts
    from .given import Given

    changes = {"pool": pool, "normalised": normalised, "prompt": prompt, "tokens": tokens, "batch": batch}
    if not similar and (seen := at.files("embed", texts)) is not None:
        refuse_texts({"--prompt": prompt})
        run_files(seen, texts or [], changes, table, as_json=as_json)
        return
    given = Given(tuple(texts or ()), table, as_json)
    run(Wanted(given, similar, changes), at)


command = as_command(
    embed,
    name="embed",
    examples="""
        limelight embed -m ./all-MiniLM-L6-v2 "A cat sat." "There was a cat." "Stocks fell." --similar
        limelight embed -m ./all-MiniLM-L6-v2 "A cat sat." --json
        limelight embed -m openai/clip-vit-base-patch32 cat.jpg dog.jpg "a photo of a cat" --similar
        limelight embed -m openai/clip-vit-base-patch32 pictures/ --output vectors.parquet
        limelight embed -m ./bert-base-uncased --pool first --file in.csv --column text --output out.parquet
    """,
)
