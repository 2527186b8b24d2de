"""limelight generate: prompts, standard input or a file."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def generate(
    model: o.Model,
    texts: o.Texts = None,
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
    repetition_penalty: o.RepetitionPenalty = None,
    temperature: o.Temperature = None,
    top_k: o.TopK = None,
    top_p: o.TopP = None,
    min_p: o.MinP = None,
    seed: o.Seed = None,
    stop: Annotated[list[str] | None, typer.Option(help="A text that ends an answer; may be given several times.")] = None,
    named: Annotated[bool, typer.Option("--named", help="Read the names of marks in a prompt (<|endoftext|>) as marks.")] = False,
    batch: o.Batch = 32,
    stream: o.Streamed = False,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    as_json: o.AsJson = False,
) -> None:
    """Go on with texts: given here, from standard input (a text a line), or from a column of a file. Only what is new is printed."""
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
        repetition_penalty=repetition_penalty,
        batch=batch,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
    )
    table = Table(file=file, format=format, column=column, output=output, to_column=to_column, resume=resume)
    more = {"stop": tuple(stop or ()), "named": named}
    given = Given(tuple(texts or ()), table, as_json)
    write(Writes("generate", "generated", "generating", open_ended=True), given, (model, device, dtype), search, more, stream)


command = as_command(
    generate,
    name="generate",
    examples="""
        limelight generate -m ./gpt2 "Once upon a time" --max-length 40
        limelight generate -m ./gpt2 "The parcel" --temperature 0.8 --top-p 0.9 --seed 3 --nbest 3
        limelight generate -m ./flan-t5 "Answer kindly: where is my parcel?" --stream
        limelight generate -m ./gpt2 --file prompts.csv --column prompt --output answers.jsonl --resume
    """,
)
