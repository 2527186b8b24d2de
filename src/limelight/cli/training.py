"""What `limelight train` does, once its options are read."""

from __future__ import annotations

import json
import platform
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import typer

from ..errors import RecipeError
from ..hub import read_manifest
from ..tasks.recipes import Trade, Workshop, trade_of
from ..train import Event, Finished, Started, Stopped, read_recipe, to_tensorboard, to_toml
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
        recipe = recipe.rehearsed(STEPS, SHORT)
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
        done = _train(trade, workshop, folder, job)
        _finish(trade, workshop, folder / "model", done, job)


@dataclass(frozen=True)
class Done:
    """A part of the training that came to its end."""

    began: Started
    ended: Finished


def _train(trade: AnyTrade, workshop: AnyWorkshop, folder: Path, job: Job) -> list[Done]:
    """Follow the events to the end. A reader that hangs up, as `| head` does, stops the training as politely as SIGTERM."""
    events: Iterator[Event] = trade.learn(workshop, folder=folder, resume=job.resume)
    if job.tensorboard:
        events = to_tensorboard(events, folder)
    hung_up, done = False, list[Done]()
    last: Event | None = None
    began: Started | None = None
    with open_course(workshop.recipe.plan.steps, counted=trade.learns) as show:
        for last in events:
            if job.as_json and not hung_up:
                try:
                    say(json.dumps(to_plain(last)))
                except BrokenPipeError:
                    hung_up = True
                    signal.raise_signal(signal.SIGTERM)
            if isinstance(last, Started):
                began = last
                if last.resumed is not None:
                    note(f"Going on from {last.resumed}.")
            if isinstance(last, Finished) and began is not None:
                done.append(Done(began, last))
            show(last)
    if hung_up:
        raise BrokenPipeError
    if isinstance(last, Stopped):
        note(f"Stopped at step {last.step} ({last.reason}). Kept: {last.path}. The same command goes on from there.")
        raise typer.Exit(128 + SIGNALS.get(last.reason, signal.SIGTERM))
    if not isinstance(last, Finished):
        raise RecipeError("the training ended without an end.", "Nothing was trained: is plan.steps what you meant?")
    return done


def _finish(trade: AnyTrade, workshop: AnyWorkshop, target: Path, done: list[Done], job: Job) -> None:
    """Score the model, write its folder, and print what was found."""
    recipe = workshop.recipe
    if recipe.card is None:
        note(f"Trained, without a model folder: the recipe has no [card]. Checkpoints: {done[-1].ended.path}")
        return
    note("Measuring the model as it is shipped ...")
    began = time.perf_counter()
    path = trade.finish(workshop, target, beside=job.recipe.parent, trained=trained(workshop, done, trade.learns))
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


def trained(workshop: AnyWorkshop, done: list[Done], counted: str) -> str:
    """Where and how long, for the card; of each part, where it learnt in parts."""
    device = next(workshop.model.parameters()).device
    parts = "; then ".join(
        f"{f'the {each.began.part}: ' if each.began.part else ''}{each.ended.step:,} steps, {each.ended.tokens:,} "
        f"{each.began.counts or counted}, {each.ended.seconds / 60:.0f} minutes"
        for each in done
    )
    return f"{parts} on {device.type} ({platform.machine()}), {date.today().isoformat()}"
