"""limelight translate: texts, standard input or a file. The options; `translating` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Device, Dtype
from .table import as_command


def translate(
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts; - or nothing: standard input, one a line.")] = None,
    model: Annotated[str, typer.Option("--model", "-m", metavar="NAME|FOLDER", help="A bundled model or a model folder.")] = "en-fr",
    file: Annotated[str | None, typer.Option(help="A table (TSV, CSV, JSONL, Parquet), or .txt with a text a line; - for a pipe.")] = None,
    format: Annotated[str | None, typer.Option(help="csv, jsonl, parquet, tsv or txt, where FILE's name does not tell.")] = None,
    column: Annotated[str | None, typer.Option(help='The column to translate; by default "text", or the only one.')] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write FILE's rows here, with the new column.")] = None,
    to_column: Annotated[str | None, typer.Option(help='The name of the new column; by default "translation".')] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an --output that was broken off.")] = False,
    beam: Annotated[int | None, typer.Option(help="Partial translations kept at once; 1 is greedy.")] = None,
    nbest: Annotated[int, typer.Option(help="Translations given back for each text.")] = 1,
    length_penalty: Annotated[float | None, typer.Option(help="Scores are divided by length to this power.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens a sentence at most.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Draw instead of searching; 1 draws by the model's own probabilities.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw among the K likeliest.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw among the likeliest that make up this share.")] = None,
    min_p: Annotated[float | None, typer.Option(help="Draw among those at least this share as likely as the likeliest.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same translations.")] = None,
    batch: Annotated[int, typer.Option(help="Sentences at once; 1 answers each line of a pipe before the next.")] = 32,
    stream: Annotated[bool, typer.Option("--stream", help="Print words as soon as nothing can change them.")] = False,
    look: Annotated[bool, typer.Option("--look", help="Show what each word attended to, here and in an HTML file.")] = False,
    html: Annotated[Path | None, typer.Option(help="Where --look writes its page; by default limelight-look.html.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Translate texts: given here, from standard input (a text a line), or from a column of a file."""
    from .translating import Job, Search, Table, run

    search = Search(
        beam=beam,
        nbest=nbest,
        length_penalty=length_penalty,
        max_length=max_length,
        batch=batch,
        drawn={"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p},
        seed=seed,
    )
    table = Table(file=file, format=format, column=column, output=output, to_column=to_column, resume=resume)
    page = html or (Path("limelight-look.html") if look else None)
    run(Job(tuple(texts or ()), model, device, dtype, search, table, stream=stream, page=page, as_json=as_json))


command = as_command(
    translate,
    name="translate",
    examples="""
        limelight translate "The black cat ate the mouse."
        limelight translate "The black cat ate the mouse." --look
        limelight translate "Where is the station?" --beam 8 --nbest 3
        cat lines.txt | limelight translate > lines.fr.txt
        limelight translate --file in.csv --column review --output out.csv --resume
    """,
)
