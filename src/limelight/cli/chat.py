"""limelight chat: a conversation at the terminal or through a pipe; or replies to a table of messages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def chat(
    model: o.Model,
    messages: Annotated[list[str] | None, typer.Argument(metavar="[MESSAGE]...", help="One after the other; none: typed.")] = None,
    system: Annotated[str | None, typer.Option(help="What the model is told before the conversation.")] = None,
    template: Annotated[Path | None, typer.Option(metavar="FILE", help="A chat template, for a model that has none.")] = None,
    file: o.File = None,
    format: o.Format = None,
    column: o.Column = None,
    output: o.Output = None,
    to_column: o.ToColumn = None,
    resume: o.Resume = False,
    beam: o.Beam = None,
    max_length: o.MaxLength = None,
    repetition_penalty: o.RepetitionPenalty = None,
    temperature: o.Temperature = None,
    top_k: o.TopK = None,
    top_p: o.TopP = None,
    min_p: o.MinP = None,
    seed: o.Seed = None,
    stop: Annotated[list[str] | None, typer.Option(help="A text that ends a reply; may be given several times.")] = None,
    batch: o.Batch = 32,
    device: o.Device = "auto",
    dtype: o.Dtype = "auto",
    as_json: o.AsJson = False,
) -> None:
    """Talk with a model. Replies come word by word; Ctrl-C ends one and keeps what was said; /clear begins anew, /help tells more. With
    --file, each row's message begins a conversation of its own."""
    from .chatting import Job, run
    from .given import Given, Table
    from .searching import Search

    search = Search(
        beam=beam,
        max_length=max_length,
        repetition_penalty=repetition_penalty,
        batch=batch,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
    )
    table = Table(file=file, format=format, column=column, output=output, to_column=to_column, resume=resume)
    given = Given(tuple(messages or ()), table, as_json)
    run(Job(given, model, device, dtype, search, {"system": system, "stop": tuple(stop or ())}, template))


command = as_command(
    chat,
    name="chat",
    examples="""
        limelight chat -m ./smollm2-instruct
        limelight chat -m ./smollm2-instruct --system "You are the help desk of a shop." "My parcel has not come."
        limelight chat -m ./smollm2-instruct --file tickets.csv --column message --output replies.csv --resume
        printf '{"content": "Hello"}\\n' | limelight chat -m ./smollm2-instruct --json
    """,
)
