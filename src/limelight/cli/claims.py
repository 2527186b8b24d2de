"""limelight claims: what is said of attention, and whether it is so. The options; `claiming` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson
from .subcommands import as_group
from .table import as_command

Folder = Annotated[Path, typer.Option(help="Where measurements and findings are kept.")]
Out = Annotated[Path, typer.Option(help="Where the report stands, with the findings that it is made of.")]
RUNS, DOCS = Path("runs/claims"), Path("docs/claims")


def listed(folder: Folder = RUNS, out: Out = DOCS, as_json: AsJson = False) -> None:
    """List the claims, with the verdict so far of each."""
    from .claiming import show_list

    show_list(folder, out, as_json=as_json)


def run(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Claims by name; all for every one.")],
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: minutes in place of hours.")] = False,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many seeds; one has no interval, and so settles little.")] = 3,
    folder: Folder = RUNS,
    as_json: AsJson = False,
) -> None:
    """Measure claims. Whatever is finished is kept: after a Ctrl-C the same command goes on from there."""
    from .claiming import measure

    measure(names, "quick" if quick else "full", tuple(range(seeds)), folder, as_json=as_json)


def report(folder: Folder = RUNS, out: Out = DOCS, as_json: AsJson = False) -> None:
    """Write the page with tables, plots and verdicts, of what runs have found. Quick findings never replace full ones."""
    from .claiming import write_page

    write_page(folder, out, as_json=as_json)


command = as_group(
    "claims",
    "Measure what is said of attention, on real data, and see whether it is so.",
    {
        "list": as_command(listed, name="list", examples="limelight claims list --json"),
        "run": as_command(
            run,
            name="run",
            examples="""
                limelight claims run mask --quick
                limelight claims run all --folder runs/claims --json
            """,
        ),
        "report": as_command(report, name="report", examples="limelight claims report --out docs/claims"),
    },
    examples="""
        limelight claims
        limelight claims run mask --quick
        limelight claims report
    """,
)
