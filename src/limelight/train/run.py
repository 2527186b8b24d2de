"""A training under way: the model, what learns it, and how far it has come. `fit` drives it; it can be written down and taken up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import TrainError
from . import checkpoint
from .average import MovingAverage, put
from .chance import chance
from .feed import Batches, Feed, Place
from .kept import kept_for_now
from .losses import Loss
from .optimiser import adamw, put_state, state_of, trained
from .plan import Ema, Plan
from .precision import Settled, autocast, settle
from .schedule import learning_rate
from .tables import rows_apart


@dataclass(frozen=True)
class Taken:
    """One step: sums over its `tokens` of the loss and the nll, and the norm of the mean gradient before clipping."""

    loss: float
    nll: float
    tokens: int
    grad_norm: float
    lr: float


class Run:
    """Everything a step changes. Use it in a `with`: it holds the thread that makes batches."""

    def __init__(self, model: nn.Module, batches: Batches[Any], loss: Loss[Any], plan: Plan):
        self.model, self.plan = model, plan
        self.weights = trained(model)
        if not self.weights:
            raise TrainError("the model has no parameters that learn.", "Unfreeze some: requires_grad_(True).")
        self.device = next(iter(self.weights.values())).device
        self.precision: Settled = settle(plan.precision, self.device)
        self.optimiser = adamw(model, plan)
        self.average = MovingAverage(self.weights, plan.average) if isinstance(plan.average, Ema) else None
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self.updating = False        # True while weights are half changed
        self._loss, self._batches, self._place = loss, batches, Place()
        self._feed: Feed[Any] | None = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        if self._feed is not None:
            self._feed.close()

    def advance(self, last_good: Path | None) -> Taken:
        """Take the next step. Raises TrainError, with nothing updated, where the loss or the gradient is not finite."""
        step = self.step + 1
        rate = learning_rate(step, self.plan)
        place, sums, tokens = self._gradients(step)
        slopes = [weight.grad for weight in self.weights.values() if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(slopes)
        loss, nll, norm = torch.cat([sums, norm[None]]).tolist()     # the one wait for the device in a step
        norm /= tokens
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self.optimiser.zero_grad(set_to_none=True)
            raise _not_finite(step, loss / tokens, norm, last_good)
        # gradients are of the sum over tokens: the mean and the clipping are one product
        limit = min(1.0, self.plan.clip / (norm + 1e-6)) if self.plan.clip else 1.0
        torch._foreach_mul_(slopes, limit / tokens)   # pyright: ignore[reportPrivateImportUsage]
        self._update(rate)
        self.step, self.tokens, self._place = step, self.tokens + tokens, place
        return Taken(loss, nll, tokens, norm, rate)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """A block in which the model wears its moving average, if it has one."""
        if self.average is None:
            yield
        else:
            with self.average.worn():
                yield

    def save(self, folder: Path) -> Path:
        """Write a checkpoint, whole or not at all."""
        tensors = {"model": _state(self.model), "optimizer": state_of(self.optimiser, self.weights)}
        if self.average is not None:
            tensors["average"] = self.average.shadow
        place = {"epoch": self._place.epoch, "index": self._place.index, "mark": self._place.mark}
        return checkpoint.write(folder, self.step, tensors, {"place": place, "tokens": self.tokens, "seconds": self.seconds})

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint. Raises TrainError for one of another model."""
        saved = checkpoint.read(path)
        load_weights(self.model, saved.tensors["model"], path)
        put_state(self.optimiser, self.weights, saved.tensors["optimizer"])
        if self.average is not None:
            put(self.average.shadow, saved.tensors.get("average") or {name: w.detach() for name, w in self.weights.items()})
        self.step, self.tokens, self.seconds = saved.step, saved.state["tokens"], saved.state["seconds"]
        self._place = Place(**saved.state["place"])

    def _gradients(self, step: int) -> tuple[Place, Tensor, int]:
        """Sum the gradients of a step's batches: the place after them, (loss, nll) summed, and their target tokens."""
        if self._feed is None:
            self._feed = Feed(self._batches, self._place)
        self.model.train()
        place, sums, tokens = self._place, torch.zeros(2, device=self.device), 0
        with chance(self.device, self.plan.seed, step), rows_apart(self.model), kept_for_now(self.device):
            for place_after, lesson in islice(self._feed, self.plan.accumulate):
                place = place_after
                with autocast(self.precision, self.device):
                    found = self._loss(self.model, lesson)
                found.total.backward()
                sums += torch.stack([found.total.detach(), found.nll])
                tokens += found.tokens
        if not tokens:
            raise TrainError(f"step {step}: the batches hold no target tokens.", "Leave empty targets out of the data.")
        return place, sums, tokens

    def _update(self, rate: float) -> None:
        self.updating = True
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.step + 1)
        self.updating = False


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy a checkpoint's weights into a model, in place. Raises TrainError where names or shapes differ."""
    wanted = _state(model)
    shapes = {name: tuple(t.shape) for name, t in wanted.items()}
    got = {name: tuple(t.shape) for name, t in tensors.items()}
    if wrong := sorted(name for name in shapes.keys() | got.keys() if shapes.get(name) != got.get(name)):
        name = wrong[0]
        raise TrainError(
            f"{path} holds another model: {name} is {got.get(name, 'absent')}, wanted {shapes.get(name, 'none')} ({len(wrong)} differ).",
            "Train a changed model in another folder.",
        )
    put(wanted, tensors)


def _state(model: nn.Module) -> dict[str, Tensor]:
    """The model's state dict, each tensor once, however many names it has."""
    state: dict[str, Any] = model.state_dict(keep_vars=True)
    seen: set[int] = set()
    return {name: item for name, item in state.items() if id(item) not in seen and not seen.add(id(item))}


def _not_finite(step: int, loss: float, norm: float, last_good: Path | None) -> TrainError:
    kept = f"The last good checkpoint is {last_good}." if last_good else "No checkpoint was written yet."
    return TrainError(
        f"step {step}: loss {loss:g}, gradient norm {norm:g}; stopped before the weights were changed.",
        f"{kept} Try a lower plan.lr, a longer plan.warmup, or plan.precision=fp32.",
    )
