"""limelight prune: a model without some of its heads. The options; `pruning` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .table import as_command


def prune(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="Whose heads.")],
    folder: Annotated[Path, typer.Argument(help="Where to write the smaller model.")],
    heads: Annotated[list[str], typer.Option(metavar="NAME:N,N", help="An attention, and which of its heads go; several times for more.")],
    as_json: AsJson = False,
) -> None:
    """Take heads out of a model for good: it does less work, and answers as it does with those heads switched off."""
    from .pruning import run

    run(model, folder, heads, as_json=as_json)


command = as_command(
    prune,
    name="prune",
    examples="""
    limelight prune en-fr ./smaller --heads decoder.1.self:0,2
    limelight prune ./my-gpt2 ./smaller --heads "decoder.*.self:0" --heads decoder.11.self:3,4
    """,
)
