"""limelight look: where the heads of a model look. The options; `looking` does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from .options import AsJson, Device, Dtype, Quant
from .table import as_command

Named = Annotated[str, typer.Argument(metavar="MODEL", help="A bundled model, a model folder, or org/name.")]
Said = Annotated[str, typer.Argument(metavar="TEXT", help="What the model reads; of one that reads pictures or sounds, a file.")]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is read and written."""

    to: Annotated[str | None, typer.Option(help="The answer to look at, rather than the model's own.")] = None
    new: Annotated[int | None, typer.Option(min=1, help="Tokens that the model writes at most.")] = None
    beam: Annotated[int | None, typer.Option(min=1, help="Partial answers kept at once.")] = None
    source_language: Annotated[str | None, typer.Option(help="The text's language, for a model of several.")] = None
    target_language: Annotated[str | None, typer.Option(help="The answer's language, for a model of several.")] = None
    device: Device = "auto"
    dtype: Dtype = "auto"
    quant: Quant = "none"                # numbers are looked at


@dataclass(frozen=True, kw_only=True)
class Where:
    """Which head, and from where it looks."""

    layer: Annotated[int | None, typer.Option(min=0, help="A layer, counted from 0.")] = None
    head: Annotated[int | None, typer.Option(min=0, help="One of its heads, counted from 0.")] = None
    start: Annotated[str | None, typer.Option("--from", metavar="WORD|N", help="Who looks: a word, or its number counted from 0.")] = None
    attention: Annotated[str | None, typer.Option(metavar="NAME", help="The attention by name, such as decoder.3.cross.")] = None
    tokens: Annotated[bool, typer.Option("--tokens", help="Show tokens, and not the words that they make up.")] = False


def look(
    *,
    model: Named,
    text: Said,
    reading: Reading,
    where: Where,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page to look around in, with the network off.")] = None,
    web: Annotated[bool, typer.Option("--web", help="Serve the page with the model behind it, on this machine, until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where --web listens; 0 takes any that is free.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show where the heads of a model look: what each of them does on the whole, or, with --from, one word's row as a line of heat. Of a
    model that reads pictures or sounds, or draws: what it says, and in the page where it looked."""
    from .looking import Job, run

    run(Job(model, text, reading, where, html, port if web else None, as_json))


command = as_command(
    look,
    name="look",
    examples="""
        limelight look en-fr "The animal didn't cross the street because it was too tired."
        limelight look en-fr "The animal didn't cross the street because it was too tired." --layer 2 --head 1 --from it
        limelight look ./gpt2 "The cat sat because it was tired" --layer 5 --head 1 --from it --html cat.html
        limelight look en-fr "The black cat." --to "Le chat noir." --attention decoder.1.cross --head 0 --from noir
        limelight look sentiment-en "Good camera, weak battery." --web
        limelight look ./captioner photo.jpg --html photo.html
    """,
)
