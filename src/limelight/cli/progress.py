"""Progress bars on standard error, for people only: none in a pipe or a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .streams import is_terminal


@contextmanager
def bar(what: str, total: int | None, *, unit: str) -> Iterator[Callable[[int], None]]:
    """A bar with rate and time left; call what it gives with how much is done. The first call says where the work began."""
    if not is_terminal(sys.stderr):
        yield lambda done: None         # noqa: ARG005 - nobody looks
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}  {{task.fields[rate]}}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        row = progress.add_task(what, total=total, rate="")
        begun: list[int] = []

        def show_at(done: int) -> None:
            begun.append(done) if not begun else None
            now = progress.tasks[0]
            rate = (done - begun[0]) / now.elapsed if now.elapsed else 0.0
            progress.update(row, completed=done, rate=f"{rate:.1f}/s")

        yield show_at
