"""Many files, each an item of a task: one that cannot be read does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .bulk import in_chunks
from .result import Result

FileTask = Callable[[list[Any], Any], Any]           # a task: items and options -> results, in order
Said = tuple[Path, Result | InputError]


def answered_files(task: FileTask, files: Sequence[Path], options: Any, *, opening: Callable[[Path], Any]) -> Iterator[list[Said]]:
    """Files -> each with its result, or with what is wrong with it; in order, `options.batch` of them at a time. `opening`: a file -> what
    the task is given."""
    for chunk in in_chunks(iter(files), options.batch, first=options.batch):
        wrong = dict[int, InputError]()
        items = dict[int, Any]()
        for place, path in enumerate(chunk):
            try:
                items[place] = opening(path)
            except InputError as error:
                wrong[place] = error
        found = wrong | _answered(task, items, options)
        yield [(path, found[place]) for place, path in enumerate(chunk)]


def _answered(task: FileTask, items: dict[int, Any], options: Any) -> dict[int, Result | InputError]:
    if not items:
        return {}
    try:
        return dict(zip(items, task([*items.values()], options), strict=True))
    except InputError as error:                                      # of which of them it is shows when each is asked alone
        if len(items) == 1:
            return dict.fromkeys(items, error)
        return {place: found for each, item in items.items() for place, found in _answered(task, {each: item}, options).items()}
