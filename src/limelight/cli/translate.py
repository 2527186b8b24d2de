"""limelight translate: texts, standard input or a file. The options; `translating` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def translate(
    *,
    at: o.Bundled,
    texts: o.Texts = None,
    table: o.Table,
    source: Annotated[str | None, typer.Option("--from", help="The source's language, for a model of several.")] = None,
    target: Annotated[str | None, typer.Option("--to", help="The language to translate into, for a model of several.")] = None,
    search: o.Search,
    stream: o.Streamed = False,
    look: Annotated[bool, typer.Option("--look", help="Show what each word attended to, here and in an HTML file.")] = False,
    html: Annotated[Path | None, typer.Option(help="Where --look writes its page; by default limelight-look.html.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Translate texts: given here, from standard input (a text a line), or from a column of a file."""
    from .given import Given
    from .translating import Job, run

    page = html or (Path("limelight-look.html") if look else None)
    given = Given(tuple(texts or ()), table, as_json)
    run(Job(given, at, search, (source, target), stream=stream, page=page))


command = as_command(
    translate,
    name="translate",
    examples="""
        limelight translate "The black cat ate the mouse."
        limelight translate "The black cat ate the mouse." --look
        limelight translate "Where is the station?" --beam 8 --nbest 3
        limelight translate "Where is the station?" --model ./nllb --from eng_Latn --to deu_Latn
        cat lines.txt | limelight translate > lines.fr.txt
        limelight translate --file in.csv --column review --output out.csv --resume
    """,
)
