"""A training as a person follows it: a bar on a terminal, a line now and then anywhere else; both on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from ..train import Evaluated, Event, Finished, Saved, Started, Stepped
from .streams import is_terminal, note

Show = Callable[[Event], None]


class _Counted:
    """What the part of the training that is under way counts, as its beginning says."""

    def __init__(self, usual: str):
        self._usual = self._now = usual

    def __call__(self, event: Event) -> str:
        if isinstance(event, Started):
            self._now = event.counts or self._usual
        return self._now


@contextmanager
def open_course(steps: int, *, counted: str = "target tokens") -> Iterator[Show]:
    """What to call with each event. `counted`: what the training counts, where its parts do not say so themselves."""
    of = _Counted(counted)
    if not is_terminal(sys.stderr):
        yield lambda event: _print(event, of(event))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        row = progress.add_task("training", total=steps, said="")

        def show(event: Event) -> None:
            what = of(event)
            match event:
                case Started():                                      # a part that begins has a bar of its own
                    told, where = f"training the {event.part}" if event.part else "training", f"{event.device}, {event.precision}"
                    progress.update(row, description=told, total=event.steps, completed=event.step, said=where)
                case Stepped():
                    progress.update(row, completed=event.step, said=_pace(event, what))
                case Evaluated() | Finished():
                    progress.console.print(line(event, what), markup=False, highlight=False)
                case _:
                    pass

        yield show


def _print(event: Event, counted: str) -> None:
    if said := line(event, counted):
        note(said)


def line(event: Event, counted: str = "target tokens") -> str:
    """An event in words; nothing where it needs none."""
    match event:
        case Started():
            part = f"the {event.part}, " if event.part else ""
            return f"{part}step {event.step} of {event.steps}: {event.parameters:,} parameters on {event.device} in {event.precision}"
        case Stepped():
            return f"step {event.step}: {_pace(event, counted)}"
        case Evaluated():
            return f"step {event.step}: " + ", ".join(f"{name} {score:g}" for name, score in event.scores.items())
        case Saved():
            return f"step {event.step}: saved {event.path}"
        case Finished():
            return f"step {event.step}: done, {event.tokens:,} {counted} in {_clock(event.seconds)}"
        case _:
            return ""


def _pace(event: Stepped, counted: str) -> str:
    speed = f"{event.tokens_per_second:,.0f} {counted.split()[-1]}/s  {_clock(event.seconds_left)} left"
    return f"loss {event.loss:.3f}  nll {event.nll:.3f}  lr {event.lr:.1e}  {speed}"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
