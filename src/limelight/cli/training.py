"""What `limelight train` does, once its options are read."""

from __future__ import annotations

import json
import platform
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import typer

from ..errors import RecipeError
from ..hub import read_manifest
from ..tasks.recipes import Trade, Workshop, trade_of
from ..train import Event, Finished, Recipe, Started, Stopped, read_recipe, to_tensorboard, to_toml
from ..train.events import to_plain
from ..train.loop import Resume
from ..values import plain
from .course import open_course
from .streams import note, say

FEW, STEPS, SHORT = 300, 4, 32      # examples and steps of a rehearsal, and how long its rows are at most
AnyTrade = Trade[Any, Any, Any, Any]
AnyWorkshop = Workshop[Any, Any]
SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}


@dataclass(frozen=True)
class Job:
    """All that was asked for."""

    recipe: Path
    overrides: tuple[str, ...]
    folder: Path | None
    print_config: bool
    rehearse: bool
    resume: Resume
    tensorboard: bool
    device: str
    as_json: bool


def run(job: Job) -> None:
    """Train, score and write the model folder. Exits with 130 after a Ctrl-C, with all that was learnt kept."""
    recipe = read_recipe(job.recipe, job.overrides)
    if job.rehearse:
        recipe = rehearsal(recipe)
    if job.print_config:
        say(json.dumps(plain(recipe), ensure_ascii=False) if job.as_json else to_toml(recipe).rstrip("\n"))
        return
    beside, trade = job.recipe.parent, trade_of(recipe.task)
    files = trade.needs(recipe, beside)              # what the end of the training needs is looked for at its beginning
    if recipe.card is None:
        note(f"limelight: note: the recipe {recipe.name} has no [card]: checkpoints will be kept, but no model folder is written.")
    with ExitStack() as stack:
        folder = job.folder or Path("runs") / recipe.name
        if job.rehearse:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limelight-")))
        what = f"reading {files[0]}{f' and {len(files) - 1} more' if files[1:] else ''}" if files else "making its data"
        note(f"{recipe.name}: {what} ...")
        workshop = trade.prepare(recipe, beside, folder=folder, device=job.device, few=FEW if job.rehearse else None)
        finished = _train(trade, workshop, folder, job)
        _finish(trade, workshop, folder / "model", finished, job)


def rehearsal(recipe: Recipe) -> Recipe:
    """The same recipe with few and small steps, in which all that happens in a training happens."""
    p = recipe.plan
    plan = replace(p, steps=STEPS, warmup=min(p.warmup, 1), accumulate=min(p.accumulate, 2), save_every=2, eval_every=2, log_every=1)
    return replace(recipe, plan=plan, batches=recipe.batches.rehearsed(SHORT))


def _train(trade: AnyTrade, workshop: AnyWorkshop, folder: Path, job: Job) -> Finished:
    """Follow the events to the end. A reader that hangs up, as `| head` does, stops the training as politely as SIGTERM."""
    events: Iterator[Event] = trade.learn(workshop, folder=folder, resume=job.resume)
    if job.tensorboard:
        events = to_tensorboard(events, folder)
    hung_up = False
    last: Event | None = None
    with open_course(workshop.recipe.plan.steps, counted=trade.learns) as show:
        for last in events:
            if job.as_json and not hung_up:
                try:
                    say(json.dumps(to_plain(last)))
                except BrokenPipeError:
                    hung_up = True
                    signal.raise_signal(signal.SIGTERM)
            if isinstance(last, Started) and last.resumed is not None:
                note(f"Going on from {last.resumed}.")
            show(last)
    if hung_up:
        raise BrokenPipeError
    if isinstance(last, Stopped):
        note(f"Stopped at step {last.step} ({last.reason}). Kept: {last.path}. The same command goes on from there.")
        raise typer.Exit(128 + SIGNALS.get(last.reason, signal.SIGTERM))
    if not isinstance(last, Finished):
        raise RecipeError("the training ended without an end.", "Nothing was trained: is plan.steps what you meant?")
    return last


def _finish(trade: AnyTrade, workshop: AnyWorkshop, target: Path, finished: Finished, job: Job) -> None:
    """Score the model, write its folder, and print what was found."""
    recipe = workshop.recipe
    if recipe.card is None:
        note(f"Trained, without a model folder: the recipe has no [card]. Checkpoints: {finished.path}")
        return
    note("Measuring the model as it is shipped ...")
    began = time.perf_counter()
    path = trade.finish(workshop, target, beside=job.recipe.parent, trained=trained(workshop, finished, trade.learns))
    m = read_manifest(path)
    where = "a temporary folder, gone now" if job.rehearse else str(path)
    note(f"Written in {time.perf_counter() - began:.1f} s: {where}")
    aer = None if m.aligner is None else m.aligner.aer
    if job.as_json:
        say(json.dumps({"event": "written", "folder": str(path), "scores": m.card.scores, "aer": aer}, ensure_ascii=False))
        return
    for name, value in m.card.scores.items():
        say(f"{name}  {value}")
    if aer is not None:
        say(f"AER  {aer}")
    if not job.rehearse:
        note(f"Try it: {trade.tried.format(path)}")


def trained(workshop: AnyWorkshop, finished: Finished, counted: str) -> str:
    """Where and how long, for the card."""
    device = next(workshop.model.parameters()).device
    return (
        f"{finished.step:,} steps, {finished.tokens:,} {counted}, {finished.seconds / 60:.0f} minutes "
        f"on {device.type} ({platform.machine()}), {date.today().isoformat()}"
    )
