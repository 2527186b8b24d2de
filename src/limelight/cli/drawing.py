"""What `limelight draw` does, once its options are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from PIL import Image
from rich.cells import cell_len

from ..errors import InputError, RecipeError
from ..files import replaced
from ..hub import Opened, open_model
from ..look.visible import column, visible
from ..tasks.draw import Draw, Drawn, Patches
from .options import Opening
from .progress import bar

MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Job:
    """All that was asked for."""

    text: str
    at: Opening
    seeds: str
    out: Path
    grid: bool
    rank: str | None
    keep: int | None
    asked: dict[str, Any]
    as_json: bool


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together, and InputError for what cannot be drawn or written."""
    seeds = read_seeds(job.seeds)
    _check(job.out)
    if job.keep is not None and (job.rank is None or not 1 <= job.keep <= len(seeds)):
        said = "they are not ranked" if job.rank is None else f"there are {len(seeds)}"
        raise RecipeError(f"--keep {job.keep} keeps the best of the pictures, and {said}.", "Say --rank MODEL, and no more than seeds.")
    task: Draw = job.at.task("draw")
    judge = None if job.rank is None else _judge(job.rank, task.opened)
    with bar("drawing", len(seeds) * task.prompts.drawing.codec.slots, unit="codes") as show:
        result = _drawn(task, job, seeds, show)
    if judge is not None:
        result = result.ranked(judge)
        result = replace(result, pictures=result.pictures[: job.keep])
    one = job.grid or len(result.pictures) == 1
    places = [job.out] if one else [job.out.with_stem(f"{job.out.stem}-{each.seed}") for each in result.pictures]
    images = [result.grid()] if job.grid else [each.image for each in result.pictures]
    for place, image in zip(places, images, strict=True):
        _write(image, place)
    if job.as_json:
        typer.echo(json.dumps({**result.to_json(), "files": [str(place) for place in places]}, ensure_ascii=False))
        return
    for place in places:
        typer.echo(str(place))
    if judge is not None:
        scores = ", ".join(f"{each.seed} ({each.score:.3f})" for each in result.pictures)
        typer.echo(f"seeds, best first by {result.judge}: {scores}")
    for each in result.pictures:
        if each.patches is not None:
            typer.echo(_words(each.patches, each.seed))


def _judge(name: str, beside: Opened) -> Opened:
    """The model that ranks. Raises TaskError, before anything is drawn, for one that cannot."""
    from ..tasks.draw.ranking import check_judge  # brings what embeds and captions: only for who ranks

    judge = open_model(name, device=str(beside.device))
    check_judge(judge)
    return judge


def _drawn(task: Draw, job: Job, seeds: tuple[int, ...], show: Any) -> Drawn:
    for step in task.stream(job.text, seeds=seeds, **job.asked):
        if isinstance(step, Drawn):
            return step
        show(step.done)
    raise InputError("nothing was drawn.", "Give a seed at least.")


def read_seeds(said: str) -> tuple[int, ...]:
    """"0-3,7" -> (0, 1, 2, 3, 7). Raises RecipeError for anything else, and for more than anyone looks at."""
    found: list[int] = []
    for part in said.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if not first.isdecimal() or not last.isdecimal():
            raise RecipeError(f"seeds are whole numbers: got {said[:60]!r}.", "Write 0-15, or 3,7.")
        low, high = int(first), int(last)
        if high < low or high - low + len(found) >= MOST_SEEDS:
            raise RecipeError(f"seeds go up, and are at most {MOST_SEEDS:,}: got {said[:60]!r}.", "Write 0-15, or 3,7.")
        found += range(low, high + 1)
    return tuple(dict.fromkeys(found))


def _check(out: Path) -> None:
    """What cannot be written is said before anything is drawn."""
    known = Image.registered_extensions()
    if out.suffix.lower() not in known or known[out.suffix.lower()] not in Image.SAVE:
        raise InputError(f"{out} has no ending of a picture: got {out.suffix!r}.", "Write .png, .jpg or .webp.")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is no folder.", "Make it first, or choose another --out.")


def _write(image: Image.Image, place: Path) -> None:
    kind = Image.registered_extensions()[place.suffix.lower()]
    with replaced(place) as draft:
        image.save(draft, kind)


def _words(told: Patches, seed: int) -> str:
    """A line for each word: where its patch is, and what that patch's code loses without it."""
    trust = "not told" if told.trust is None else f"{told.trust:.2f}"
    lines = [f"seed {seed}: words and patches, in one order with what leaving words out does: {trust} (1 is the same order)"]
    wide = max((cell_len(visible(word)) for word in told.words), default=0)
    for word, grid, lost in zip(told.words, told.weights, told.lost, strict=True):
        row = max(range(len(grid)), key=lambda r, grid=grid: max(grid[r]))
        at = grid[row].index(max(grid[row]))
        found = f"row {row + 1}, column {at + 1}  {grid[row][at]:.0%}  {lost[row][at]:+.2f} nats without"
        lines.append(f"  {column(visible(word), wide)}  {found}")
    return "\n".join(lines)
