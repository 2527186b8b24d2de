"""fit: train a model, as a stream of events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from ..errors import TrainError
from . import checkpoint
from .average import mean_of
from .chance import chance
from .events import Evaluated, Event, Finished, Saved, Started, Stepped, Stopped
from .feed import Batches
from .interrupts import Interrupts
from .kept import freed_memory_kept
from .lock import alone_in
from .losses import Lesson, Loss
from .metrics import Metrics
from .plan import LastSaved, Plan
from .run import Run, Taken, load_weights

Resume = Literal["auto", "never", "must"]
Evaluate = Callable[[nn.Module], Mapping[str, float]]


def fit(
    model: nn.Module,
    batches: Batches[Lesson],
    *,
    loss: Loss[Lesson],
    plan: Plan,
    folder: Path | None = None,
    resume: Resume = "auto",
    evaluate: Evaluate | None = None,
) -> Iterator[Event]:
    """Train `model` where it is (move it to its device first), one event after another.

    With a `folder`, checkpoints and metrics.jsonl are kept there, and a run that was broken off goes on bit for bit as if it had
    not been: `resume` "auto" goes on where there is something, "must" insists on it, "never" insists on an empty folder.
    `evaluate` is given the model in evaluation mode, with averaged weights where the plan has a moving average. After Finished
    the model holds the averaged weights. Ctrl-C and SIGTERM finish the step, save, and end the stream with Stopped.
    Raises TrainError before the update where a loss or gradient is not finite, where a checkpoint cannot be written or
    read, and where another training is at work in the folder.
    """
    if isinstance(plan.average, LastSaved) and folder is None:
        raise TrainError("plan.average takes the mean of saved checkpoints, and there is no folder.", "Give one, or use a moving average.")
    metrics = Metrics(folder)
    with alone_in(folder), Run(model, batches, loss, plan) as run, Interrupts() as interrupts, freed_memory_kept(run.device):
        for event in _Course(run, interrupts, folder, evaluate).events(resume):
            if isinstance(event, Started):
                metrics.rewind(event.step)
            metrics.write(event)
            yield event


@dataclass
class _Meter:
    """Sums since the last Stepped."""

    loss: float = 0.0
    nll: float = 0.0
    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    last: Taken | None = None

    def add(self, taken: Taken, seconds: float) -> None:
        self.loss, self.nll, self.tokens = self.loss + taken.loss, self.nll + taken.nll, self.tokens + taken.tokens
        self.steps, self.seconds, self.last = self.steps + 1, self.seconds + seconds, taken

    def read(self, run: Run) -> Stepped:
        taken, pace = self.last, self.seconds / max(self.steps, 1)
        return Stepped(
            step=run.step,
            loss=self.loss / self.tokens,
            nll=self.nll / self.tokens,
            lr=taken.lr if taken else 0.0,
            grad_norm=taken.grad_norm if taken else 0.0,
            tokens=run.tokens,
            tokens_per_second=self.tokens / self.seconds,
            seconds_left=pace * (run.plan.steps - run.step),
        )


@dataclass
class _Course:
    """The order of things: start, steps with what is due after each, end."""

    run: Run
    interrupts: Interrupts
    folder: Path | None
    evaluate: Evaluate | None
    saved: Path | None = None
    meter: _Meter = field(default_factory=_Meter)

    def events(self, resume: Resume) -> Iterator[Event]:
        run, plan = self.run, self.run.plan
        yield self._start(resume)
        while run.step < plan.steps:
            stepped = self._step()
            if stepped and (run.step % plan.log_every == 0 or run.step == plan.steps):
                yield self.meter.read(run)
                self.meter = _Meter()
            if self.interrupts.reason:
                yield from self._stop()
                return
            if _due(run.step, plan.save_every, plan.steps):
                yield from self._save()
            if _due(run.step, plan.eval_every, 0) and run.step < plan.steps:   # the last one waits for the averaged weights
                yield from self._evaluated()
            if self.interrupts.reason:
                yield from self._stop()
                return
        yield from self._end()

    def _start(self, resume: Resume) -> Started:
        skipped: tuple[str, ...] = ()
        if self.folder is not None:
            self.saved, skipped = checkpoint.latest(self.folder)
        if resume == "must" and self.saved is None:
            torn = f" ({'; '.join(skipped)})" if skipped else ""
            raise TrainError(f"there is no checkpoint to resume in {self.folder}{torn}.", 'Use resume="auto" to start at the beginning.')
        if resume == "never" and self.saved is not None:
            raise TrainError(f"{self.folder} already holds {self.saved.name}.", 'Give another folder, or resume="auto" to go on from it.')
        run = self.run
        if self.saved is not None:
            run.restore(self.saved)
        parameters = sum(weight.numel() for weight in run.weights.values())
        return Started(run.step, run.plan.steps, parameters, str(run.device), run.precision, self.saved, skipped)

    def _step(self) -> bool:
        """Take a step; False where a Ctrl-C broke it off before anything was updated."""
        began, before = time.perf_counter(), self.run.step
        try:
            taken = self.run.advance(self.saved)
        except KeyboardInterrupt:
            if self.run.step != before or self.run.updating:
                raise
            self.interrupts.reason = self.interrupts.reason or "Ctrl-C"
            return False
        seconds = time.perf_counter() - began
        self.run.seconds += seconds
        self.meter.add(taken, seconds)
        return True

    def _save(self) -> Iterator[Event]:
        folder, run = self.folder, self.run
        if folder is None or (self.saved and self.saved.name == f"step-{run.step:08d}"):
            return
        self.saved = run.save(folder)
        checkpoint.prune(folder, run.plan.keep)
        yield Saved(run.step, self.saved)

    def _evaluated(self) -> Iterator[Event]:
        """Evaluate; a Ctrl-C may break this off at once."""
        if self.evaluate is None:
            return
        run = self.run
        try:
            with run.averaged(), self.interrupts.at_once(), chance(run.device, run.plan.seed, run.step, 1), _quiet(run.model):
                scores = {name: float(score) for name, score in self.evaluate(run.model).items()}
        except KeyboardInterrupt:
            self.interrupts.reason = self.interrupts.reason or "Ctrl-C"
            return
        yield Evaluated(run.step, scores)

    def _stop(self) -> Iterator[Event]:
        yield from self._save()
        yield Stopped(self.run.step, self.interrupts.reason, self.saved)

    def _end(self) -> Iterator[Event]:
        run, average = self.run, self.run.plan.average
        yield from self._save()
        if run.average is not None:
            run.average.wear()
        if isinstance(average, LastSaved) and self.folder is not None and self.saved is not None:
            load_weights(run.model, mean_of(checkpoint.whole(self.folder)[-average.count :]), self.saved)
        yield from self._evaluated()
        yield Finished(run.step, run.tokens, run.seconds, self.saved)


def _due(step: int, every: int, last: int) -> bool:
    return step == last or (every > 0 and step % every == 0)


@contextmanager
def _quiet(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients."""
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()
