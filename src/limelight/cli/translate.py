"""limelight translate: texts, standard input or a file. The options; `translating` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def translate(
    texts: o.Texts = None,
    model: o.Model = "en-fr",
    file: o.File = None,
    format: o.Format = None,
    column: o.Column = None,
    output: o.Output = None,
    to_column: o.ToColumn = None,
    resume: o.Resume = False,
    source: Annotated[str | None, typer.Option("--from", help="The source's language, for a model of several.")] = None,
    target: Annotated[str | None, typer.Option("--to", help="The language to translate into, for a model of several.")] = None,
    beam: o.Beam = None,
    nbest: o.Nbest = 1,
    length_penalty: o.LengthPenalty = None,
    max_length: o.MaxLength = None,
    temperature: o.Temperature = None,
    top_k: o.TopK = None,
    top_p: o.TopP = None,
    min_p: o.MinP = None,
    seed: o.Seed = None,
    batch: o.Batch = 32,
    stream: o.Streamed = False,
    look: Annotated[bool, typer.Option("--look", help="Show what each word attended to, here and in an HTML file.")] = False,
    html: Annotated[Path | None, typer.Option(help="Where --look writes its page; by default limelight-look.html.")] = None,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    as_json: o.AsJson = False,
) -> None:
    """Translate texts: given here, from standard input (a text a line), or from a column of a file."""
    from .given import Given, Table
    from .searching import Search
    from .translating import Job, run

    search = Search(
        beam=beam,
        nbest=nbest,
        length_penalty=length_penalty,
        max_length=max_length,
        batch=batch,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
    )
    table = Table(file=file, format=format, column=column, output=output, to_column=to_column, resume=resume)
    page = html or (Path("limelight-look.html") if look else None)
    given = Given(tuple(texts or ()), table, as_json)
    run(Job(given, model, device, dtype, search, (source, target), stream=stream, page=page))


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
