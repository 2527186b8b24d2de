"""limelight extract: texts, whole files, standard input, or a table. The options; `extracting` does the work."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import options as o
from .table import as_command


def extract(
    *,
    at: o.Opening,
    texts: o.Texts = None,
    whole: o.Whole = None,
    table: o.Table,
    merge: Annotated[str | None, typer.Option(metavar="WAY", help="none, simple, first, average, max; by default first or simple.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="LABEL", help="A label to leave out, besides O; may be given again.")] = None,
    min_score: Annotated[float, typer.Option(help="Leave out what is less likely.")] = 0.0,
    window: Annotated[int | None, typer.Option(help="Tokens read at once; by default what the model has room for.")] = None,
    overlap: Annotated[int | None, typer.Option(help="Tokens that neighbouring windows share.")] = None,
    batch: Annotated[int, typer.Option(help="Windows read together.")] = 32,
    as_json: o.AsJson = False,
) -> None:
    """Find the spans in a text that a model has labels for: persons, places, drugs, parties to a contract ... A text of any length is
    read to its end, in windows that overlap; places are characters of the whole text."""
    from ..tasks.extract.task import ExtractOptions
    from .extracting import run
    from .given import Given

    how: dict[str, Any] = {"merge": merge, "ignore": ("O", *(ignore or ())), "min_score": min_score}
    options = ExtractOptions(**how, window=window, overlap=overlap, batch=batch)
    given = Given(tuple(texts or ()), table, as_json, whole=tuple(whole or ()))
    run(given, at, options)


command = as_command(
    extract,
    name="extract",
    examples="""
        limelight extract "Jane Doe moved to Limoges." -m ./bert-ner
        limelight extract --in contract.txt --in annex.txt -m ./legal-ner --min-score 0.8
        limelight extract --file visits.csv --column note -m ./clinical-ner -o out.jsonl --resume
        cat notes.txt | limelight extract -m ./clinical-ner --json
    """,
)
