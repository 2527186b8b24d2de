"""limelight chat: a conversation at the terminal or through a pipe; or replies to a table of messages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command


def chat(
    *,
    at: o.Conversing,
    messages: Annotated[list[str] | None, typer.Argument(metavar="[MESSAGE]...", help="One after the other; none: typed.")] = None,
    system: Annotated[str | None, typer.Option(help="What the model is told before the conversation.")] = None,
    template: Annotated[Path | None, typer.Option(metavar="FILE", help="A chat template, for a model that has none.")] = None,
    table: o.Table,
    search: o.Search,
    stop: Annotated[list[str] | None, typer.Option(help="A text that ends a reply; may be given several times.")] = None,
    as_json: o.AsJson = False,
) -> None:
    """Talk with a model, by default one that replies to customers. Replies come word by word; Ctrl-C ends one and keeps what was said;
    /clear begins anew, /help tells more. With --file, each row's message begins a conversation of its own."""
    from .chatting import Job, run
    from .given import Given

    given = Given(tuple(messages or ()), table, as_json)
    run(Job(given, at, search, {"system": system, "stop": tuple(stop or ())}, template))


command = as_command(
    chat,
    name="chat",
    examples="""
        limelight chat
        limelight chat "I am looking for a place to eat in San Jose." "Mexican, please."
        limelight chat -m ./smollm2-instruct --system "You are the help desk of a shop." "My parcel has not come."
        limelight chat -m ./smollm2-instruct --file tickets.csv --column message --output replies.csv --resume
        printf '{"content": "Hello"}\\n' | limelight chat -m ./smollm2-instruct --json
    """,
)
