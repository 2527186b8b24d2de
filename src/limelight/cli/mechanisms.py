"""limelight mechanisms: what kinds of attention there are. The options; `explaining` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import AsJson
from .table import as_command


def mechanisms(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Show all that is known of these.")] = None,
    length: Annotated[str, typer.Option(metavar="N,N", help="At which lengths costs are shown, in tokens.")] = "128,1024,8192",
    spec: Annotated[bool, typer.Option("--spec", help="Show the model that is built, as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the page docs/mechanisms.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the mechanisms of attention with what they cost by length, or show everything about some."""
    from .explaining import lengths_of, show, show_list, show_page, show_specs

    lengths = lengths_of(length)
    if spec:
        show_specs(names or (), as_json=as_json)
    elif markdown:
        show_page(names or (), lengths)
    elif names:
        show(names, lengths, as_json=as_json)
    else:
        show_list(lengths, as_json=as_json)


command = as_command(
    mechanisms,
    name="mechanisms",
    examples="""
        limelight mechanisms
        limelight mechanisms general windowed --length 100,10000
        limelight mechanisms general --spec
        limelight train recipes/en-fr.toml model.mechanism=general --fast-dev-run
    """,
)
