"""Pipeline: one old job over one model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..errors import TaskError
from .kinds import Kind


@dataclass(frozen=True)
class Pieces:
    """As much of a tokenizer as code around a pipeline asks for: its marks by name and by id."""

    names: Mapping[str, str]
    ids: Mapping[str, int]

    def __getattr__(self, name: str) -> Any:
        table = self.ids if name.endswith("_token_id") else self.names if name.endswith("_token") else {}
        mark = name.removesuffix("_id")
        if mark not in table:
            raise AttributeError(f"a pipeline's tokenizer tells {', '.join(sorted(self.names))} and their ids; it has no {name!r}")
        return table[mark]


class Pipeline:
    """An old job, ready: call it as code for transformers 4 does. `task`: its old name; `ours`: the task that does it."""

    def __init__(self, task: str, kind: Kind, ours: Any, always: Mapping[str, Any]):
        self.task, self.ours = task, ours
        self._kind, self._always = kind, dict(always)

    @property
    def tokenizer(self) -> Pieces:
        """Its marks: `pipe.tokenizer.mask_token`, `pipe.tokenizer.eos_token_id` ..."""
        marks, named = self.ours.opened.text.marks, {i: name for name, i in self.ours.opened.text.mark_names.items()}
        old = {"pad": "pad_token", "start": "bos_token", "end": "eos_token", "mask": "mask_token", "unknown": "unk_token"}
        ids = {name: i for mark, name in old.items() if (i := getattr(marks, mark)) is not None}
        return Pieces({name: named[i] for name, i in ids.items() if i in named}, ids)

    def __call__(self, *given: Any, **asked: Any) -> Any:
        """What the old pipeline took, by place or by name -> what it gave. Something to iterate over that is no list is answered piece
        by piece, while it comes.

        Raises RecipeError for an argument that is not known, and what the task raises.
        """
        given = given or tuple(asked.pop(name) for name in ("inputs", "images", "text_inputs", "sequences", "args") if name in asked)
        wanted = {**self._always, **asked}
        if len(given) == 1 and isinstance(given[0], Iterable) and not isinstance(given[0], str | bytes | list | tuple | Mapping):
            return self._flowing(iter(given[0]), wanted)
        if not given and "question" not in wanted:
            raise TaskError(f"{self.task} was called with nothing.", "Give it a text or a picture, or a list of them.")
        return self._kind.answer(self.ours, given, wanted)

    def _flowing(self, given: Iterator[Any], wanted: Mapping[str, Any]) -> Iterator[Any]:
        while some := list(islice(given, int(wanted.get("batch_size") or 1))):
            yield from self._kind.answer(self.ours, [some], wanted)
