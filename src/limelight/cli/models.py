"""limelight models: what is there, and the card of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import LimelightError, WeightError
from ..look.visible import visible
from .columns import in_columns
from .options import AsJson
from .streams import say
from .table import as_command

if TYPE_CHECKING:
    from ..hub import About

COLUMNS = ("NAME", "TASK", "LANGUAGES", "PARAMETERS", "SIZE", "LICENCE", "SCORES")
SHOWN_SCORES, WIDEST = 2, 40
MARKS = ("limelight.json", "config.json")        # what makes a folder one of a model: ours, or a published one


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
    if any((folder / name).is_file() for name in MARKS):
        return [folder]
    found = sorted({path.parent for name in MARKS for path in folder.glob(f"*/{name}")})
    if not found:
        raise WeightError(f"there is no model in {folder}.", f"A model folder holds a {' or a '.join(MARKS)}.")
    return found


def _show(folders: list[Path], *, cards: bool, as_json: bool) -> None:
    if as_json:
        for folder in folders:
            say(json.dumps({**_described(folder), **({"readme": _card(folder)} if cards else {})}, ensure_ascii=False))
    elif cards:
        say("\n\n".join("\n\n".join(filter(None, [(_card(folder) or _facts(folder)).rstrip(), _measured(folder)])) for folder in folders))
    elif folders:
        _table([_described(folder) for folder in folders])
    else:
        say("No models.")


def _card(folder: Path) -> str:
    """The card of a limelight folder; "" for a published one, whose own card is another's words for another library."""
    if not (folder / "limelight.json").exists() and (folder / "config.json").exists():
        return ""
    try:
        return (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightError(f"{folder} has no card that can be read: {error}.", "Is the folder whole?") from None


def _facts(folder: Path) -> str:
    """What a published folder is, in lines. Raises WeightError for one that cannot be opened."""
    from ..hub import about

    told = _told(about(folder))
    context = "as many tokens as there are" if told["context"] is None else f"{told['context']:,} tokens"
    lines = {
        "family": told["family"],
        "made to": told["task"],
        "can": ", ".join(told["tasks"]),
        "parameters": f"{told['parameters']:,}",
        "weights": told["weights"],
        "bytes": f"{told['bytes']:,}",
        "heads": "; ".join(_head(head) for head in told["heads"]) or "none",
        "reads": context,
    }
    return "\n".join([f"{told['name']} (published): {folder}", *(f"  {key:<10}  {value}" for key, value in lines.items())])


def _measured(folder: Path) -> str:
    """What was measured of a model that is not in its card, in lines; "" where that is nothing."""
    from ..hub import beside, read_manifest
    from ..tasks.translate.alignments import trusted

    ours = (folder / "limelight.json").exists()
    found = read_manifest(folder) if ours else beside(folder)
    lines = [f"- align: {visible(trusted(found.aligner))}"] if found.aligner is not None and not ours else []
    lines += [f"- {visible(task)}: {visible(str(measure))}" for task, measure in found.measured.items()]
    return "\n".join(["## Measured besides", "", *lines]) if lines else ""


def _head(head: dict[str, Any]) -> str:
    labels = head.get("labels")
    return head["name"] if labels is None else f"{head['name']} ({len(labels):,}: {_short(', '.join(labels))})"


def _described(folder: Path) -> dict[str, Any]:
    """A folder as plain data; one that is broken is listed with what is wrong, so that the others are seen."""
    from ..hub import about

    try:
        return _told(about(folder))
    except LimelightError as error:
        return {"name": folder.name, "folder": str(folder), "error": str(error)}


def _told(found: About) -> dict[str, Any]:
    from ..tasks.fitness import able
    from ..values import plain

    m = found.manifest
    return {
        "name": found.name,
        "folder": str(found.folder),
        "form": "published" if m is None else "limelight",
        "family": found.spec.family,
        "task": found.task,
        "tasks": able(found.spec, mask=False) if m is None or m.source_language is None else (found.task,),
        "source_language": m and m.source_language,
        "target_language": m and m.target_language,
        "parameters": found.parameters,
        "weights": found.weights,
        "bytes": found.bytes,
        "heads": [plain(head) for head in found.spec.heads],
        "context": found.context,
        "license": "see its own card" if m is None else m.card.license,
        "summary": "A published checkpoint." if m is None else m.card.summary,
        "scores": {} if m is None else m.card.scores,
        "aligner": m and m.aligner and {"attention": m.aligner.attention, "heads": m.aligner.heads, "aer": m.aligner.aer},
        "measured": {} if m is None else {task: plain(measure) for task, measure in m.measured.items()},
    }


def _table(found: list[dict[str, Any]]) -> None:
    rows = [COLUMNS, *(_row(each) for each in found)]
    for line in in_columns(rows):
        say(line)


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
