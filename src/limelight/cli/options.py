"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.")]
Dtype = Annotated[str, typer.Option(metavar="DTYPE", help="fp32, bf16 or fp16; auto is fp32 on a CPU and bf16 on a GPU.")]
