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
    """How numbers are kept."""

    int4 = "int4"
    int8 = "int8"
    bf16 = "bf16"
    fp32 = "fp32"


def convert(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="What to convert.")],
    folder: Annotated[Path, typer.Argument(help="Where to write it.")],
    to: Annotated[Form | None, typer.Option(help="published is for other libraries; unless told, the form that it has.")] = None,
    bits: Annotated[Bits, typer.Option(help="How its numbers are kept; int8 and int4 in a limelight folder.")] = Bits.fp32,
    as_json: AsJson = False,
) -> None:
    """Write a model folder that other libraries open, or one of limelight's own."""
    from ..hub import open_model

    opened = open_model(model, device="cpu", dtype="fp32")
    form = opened.form if to is None else to.value
    opened.save(folder, form=form, bits=bits.value)
    told = {"folder": str(folder), "form": form, "bytes": sum(each.stat().st_size for each in folder.iterdir() if each.is_file())}
    say(json.dumps(told) if as_json else f"{folder}: {told['bytes']:,} bytes, {form}.")


command = as_command(
    convert,
    name="convert",
    examples="""
    limelight convert ./my-marian ./copy
    limelight convert en-fr ./en-fr-bf16 --bits bf16
    """,
)
