"""limelight train: a recipe -> a model folder. The options; `training` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, Device
from .table import as_command


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, such as recipes/en-fr.toml.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it, such as plan.lr=3e-4.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where checkpoints, metrics.jsonl and the model go; by default runs/NAME.")] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the recipe, all keys spelt out, and stop.")] = False,
    fast_dev_run: Annotated[bool, typer.Option("--fast-dev-run", help="A rehearsal: all that a training does, on few pairs.")] = False,
    resume: Annotated[Literal["auto", "never", "must"], typer.Option(help="Whether to go on with what FOLDER holds.")] = "auto",
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write records for TensorBoard.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a model from a recipe, score it, and write its folder. Ctrl-C saves; the same command goes on from there."""
    from .training import Job, run

    run(
        Job(
            recipe=recipe,
            overrides=tuple(overrides or ()),
            folder=folder,
            print_config=print_config,
            rehearse=fast_dev_run,
            resume=resume,
            tensorboard=tensorboard,
            device=device,
            as_json=as_json,
        )
    )


command = as_command(
    train,
    name="train",
    examples="""
        limelight train recipes/en-fr.toml
        limelight train recipes/en-fr.toml plan.steps=2000 model.dim=128 --folder runs/small
        limelight train recipes/en-fr.toml --fast-dev-run
        limelight train recipes/en-fr.toml --print-config > my.toml
    """,
)
