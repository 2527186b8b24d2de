"""limelight models: what is there, and the card of each."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import LimelightError, WeightError
from .options import AsJson
from .streams import say
from .table import as_command

COLUMNS = ("NAME", "TASK", "LANGUAGES", "PARAMETERS", "SIZE", "LICENCE", "SCORES")
SHOWN_SCORES, WIDEST = 2, 40


def models(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME|FOLDER]...", help="Show the cards of these.")] = None,
    folder: Annotated[list[Path] | None, typer.Option(help="List the models in this folder too; may be given again.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that come with the package, or show the card of those that are named."""
    from ..hub import bundled, find

    if names:
        _show([find(name) for name in names], cards=True, as_json=as_json)
    else:
        inside = [found for each in folder or () for found in _inside(each)]
        _show([*bundled().values(), *inside], cards=False, as_json=as_json)


def _inside(folder: Path) -> list[Path]:
    """A model folder itself, or all model folders in it. Raises WeightError where there is none."""
    if (folder / "limelight.json").is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob("*/limelight.json"))
    if not found:
        raise WeightError(f"there is no model in {folder}.", "A model folder holds a limelight.json.")
    return found


def _show(folders: list[Path], *, cards: bool, as_json: bool) -> None:
    if as_json:
        for folder in folders:
            say(json.dumps({**_described(folder), **({"readme": _card(folder)} if cards else {})}, ensure_ascii=False))
    elif cards:
        say("\n\n".join(_card(folder).rstrip() for folder in folders))
    elif folders:
        _table([_described(folder) for folder in folders])
    else:
        say("No models.")


def _card(folder: Path) -> str:
    try:
        return (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightError(f"{folder} has no card that can be read: {error}.", "Is the folder whole?") from None


def _described(folder: Path) -> dict[str, Any]:
    """A folder as plain data; one that is broken is listed with what is wrong, so that the others are seen."""
    from ..hub import read_manifest

    try:
        m = read_manifest(folder)
        return {
            "name": m.name,
            "folder": str(folder),
            "task": m.task,
            "source_language": m.source_language,
            "target_language": m.target_language,
            "parameters": _parameters(folder / "model.safetensors"),
            "bytes": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
            "license": m.card.license,
            "summary": m.card.summary,
            "scores": m.card.scores,
            "aligner": None if m.aligner is None else {"attention": m.aligner.attention, "heads": m.aligner.heads, "aer": m.aligner.aer},
        }
    except LimelightError as error:
        return {"name": folder.name, "folder": str(folder), "error": str(error)}


def _parameters(path: Path) -> int:
    """How many numbers a file of weights stands for, read off its header. Scales of packed weights are no parameters."""
    from safetensors import SafetensorError, safe_open

    from ..quant.int8 import SCALE

    try:
        with safe_open(path, framework="np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys() if not name.endswith(SCALE))  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightError(f"{path} cannot be read: {error}.", "Get the model folder again.") from None


def _table(found: list[dict[str, Any]]) -> None:
    rows = [COLUMNS, *(_row(each) for each in found)]
    widths = [max(len(row[n]) for row in rows if len(row) == len(COLUMNS)) for n in range(len(COLUMNS))]
    for row in rows:
        say("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)).rstrip())


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    if "error" in each:
        return (each["name"], each["error"])
    scores = [f"{name} {score:g}" if isinstance(score, float) else f"{name} {score}" for name, score in each["scores"].items()]
    return (
        each["name"],
        each["task"],
        f"{each['source_language']} > {each['target_language']}" if each["source_language"] else "",
        f"{each['parameters'] / 1e6:.1f} M",
        f"{each['bytes'] / 1e6:.1f} MB",
        _short(each["license"]),
        ", ".join(scores[:SHOWN_SCORES]),
    )


def _short(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 3].rstrip() + "..."


command = as_command(
    models,
    name="models",
    examples="""
        limelight models
        limelight models en-fr
        limelight models --folder runs --json
    """,
)
