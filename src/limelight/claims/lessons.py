"""Lessons: a model of a spec, trained on given batches for a fixed number of steps, kept with its weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..errors import InputError
from ..files import replaced
from ..nn import Network
from ..spec import Model
from ..train import Batches, Evaluated, Event, Finished, Loss, Plan, Started, Stepped, Stopped, fit
from ..values import plain
from .lab import Figures, Lab, Progress

SAVE_EVERY = 500                # steps: shorter trainings are rather made again
METRICS = "metrics.jsonl"       # what fit writes beside its checkpoints


@dataclass(frozen=True)
class Lesson:
    """What is learnt: `name` for people, `data` a fingerprint of the material, `batches` the material in the order of a seed.

    `loss_name` tells losses apart, which have no fingerprint of their own. `watch`: what is measured of the model while it learns, every
    plan.eval_every steps and at the end; it draws nothing, so the weights do not depend on it.
    """

    name: str
    spec: Model
    plan: Plan
    data: str
    batches: Callable[[int], Batches]
    loss: Loss
    loss_name: str
    watch: Callable[[nn.Module], Mapping[str, float]] | None = None

    def decides(self, seed: int) -> dict[str, Any]:
        """All that the weights depend on, as plain JSON data."""
        return {"spec": plain(self.spec), "plan": plain(self.plan), "data": self.data, "loss": self.loss_name, "seed": seed}


@dataclass(frozen=True)
class Trained:
    """A trained model: its `figures` are parameters, nll by step, what was watched by step, seconds a step and tokens a second; weights are
    read when asked for."""

    lesson: Lesson
    seed: int
    figures: Figures
    weights: Path

    def model(self) -> Network:
        """The model in evaluation mode. Raises InputError where its weights have gone."""
        model = Network(self.lesson.spec)
        try:
            model.load_state_dict(load_file(self.weights))
        except OSError as error:
            raise InputError(f"{self.weights} cannot be read: {error}.", "Remove the folder, and run again.") from None
        return model.eval()

    def measured(self, lab: Lab, what: str, how: dict[str, Any], measure: Callable[[Network], Figures]) -> Figures:
        """Figures of this model, as a cell of their own. `how`: all that the measurement depends on besides the model."""
        decides = {"of": self.lesson.decides(self.seed), "what": what, **how}
        return lab.cell(f"{self.lesson.name}, seed {self.seed}: {what}", decides, lambda: measure(self.model()))


def trained(lab: Lab, lesson: Lesson, seed: int) -> Trained:
    """A lesson learnt: kept from before, or trained now; a training that was broken off goes on at its last checkpoint.

    Weights and the order of the batches both come of the seed. Raises TrainError where the training does, KeyboardInterrupt after
    Ctrl-C and SystemExit after SIGTERM, with all that was learnt kept.
    """
    decides = lesson.decides(seed)
    home = lab.place("trained", decides)
    weights = home / "model.safetensors"

    def make() -> Figures:
        home.mkdir(exist_ok=True)
        torch.manual_seed(seed)
        model = Network(lesson.spec)
        figures = _learn(lab, lesson, seed, model, home / "run")
        with replaced(weights) as draft:
            save_file(model.state_dict(), draft)
        shutil.rmtree(home / "run", ignore_errors=True)
        return figures

    figures = lab.cell(f"{lesson.name}, seed {seed}: training", {"trained": decides}, make)
    return Trained(lesson, seed, figures, weights)


def _learn(lab: Lab, lesson: Lesson, seed: int, model: Network, folder: Path) -> Figures:
    plan = replace(lesson.plan, seed=seed, save_every=SAVE_EVERY, keep=1)
    kept = folder if plan.steps > SAVE_EVERY else None          # a short one is sooner made again than written down
    what, parameters = f"{lesson.name}, seed {seed}: training", 0
    curve: list[list[float]] = []
    watched: list[tuple[int, Mapping[str, float]]] = []
    last: Event | None = None
    for last in fit(model, lesson.batches(seed), loss=lesson.loss, plan=plan, folder=kept, evaluate=lesson.watch):
        match last:
            case Started():
                parameters = last.parameters
                curve = [[each["step"], each["nll"]] for each in _told(kept, "stepped", last.step)]
                watched = [(each["step"], each["scores"]) for each in _told(kept, "evaluated", last.step)]
            case Evaluated():
                watched.append((last.step, last.scores))
            case Stepped():
                curve.append([last.step, last.nll])
                lab.tell(Progress(what, last.step, plan.steps))
            case Stopped():
                raise KeyboardInterrupt if last.reason == "Ctrl-C" else SystemExit(143)
            case _:
                pass
    if not isinstance(last, Finished):
        raise InputError(f"the training of {lesson.name} ended without an end.")
    return {
        "parameters": parameters,
        "curve": curve,
        "watched": watched,
        "seconds_a_step": last.seconds / last.step,
        "tokens_a_second": last.tokens / last.seconds,
        "tokens": last.tokens,
    }


def _told(folder: Path | None, event: str, step: int) -> list[dict[str, Any]]:
    """What a broken-off training had said up to its checkpoint."""
    path = None if folder is None else folder / METRICS
    if path is None or not path.exists():
        return []
    told = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [each for each in told if each["event"] == event and each["step"] <= step]
