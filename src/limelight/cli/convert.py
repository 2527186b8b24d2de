"""limelight convert: a model folder in another form."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .streams import say
from .table import as_command


class Form(StrEnum):
    """What a folder may be written as."""

    published = "published"
    limelight = "limelight"


class Bits(StrEnum):
    """How the numbers of a limelight folder are kept."""

    int8 = "int8"
    bf16 = "bf16"
    fp32 = "fp32"


def convert(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="What to convert.")],
    folder: Annotated[Path, typer.Argument(help="Where to write it.")],
    to: Annotated[Form, typer.Option(help="published: config.json and weights as other libraries open them.")] = Form.published,
    bits: Annotated[Bits, typer.Option(help="Of a limelight folder.")] = Bits.fp32,
    as_json: AsJson = False,
) -> None:
    """Write a model folder that other libraries open, or one of limelight's own."""
    from ..hub import open_model, publish, save

    opened = open_model(model, device="cpu", dtype="fp32")
    if to is Form.published:
        publish(folder, model=opened.model, text=opened.text, manifest=opened.manifest, tokenizer=opened.folder)
    else:
        save(folder, model=opened.model, text=opened.text, manifest=opened.manifest, card=_card(opened.folder), bits=bits.value)
    told = {"folder": str(folder), "form": to.value, "bytes": sum(each.stat().st_size for each in folder.iterdir() if each.is_file())}
    say(json.dumps(told) if as_json else f"{folder}: {told['bytes']:,} bytes, {to.value}.")


def _card(folder: Path) -> str:
    card = folder / "README.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""


command = as_command(
    convert,
    name="convert",
    examples="""
    limelight convert ./my-marian ./copy
    limelight convert en-fr ./en-fr-bf16 --to limelight --bits bf16
    """,
)
