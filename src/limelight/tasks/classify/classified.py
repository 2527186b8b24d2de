"""Classified: which class a text is of, with every window's scores where it was long, and why where that was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from ...errors import InputError
from ...look.deciders import fragment, save
from ...look.visible import column, visible
from ...look.why import Why
from ..result import Cells, Result


@dataclass(frozen=True)
class Scored:
    """A label with its score: a probability, or a quantity where the head measures one."""

    label: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data, under the old pipeline's keys."""
        return {"label": self.label, "score": self.score}


def ranked(labels: Sequence[str], values: Sequence[float]) -> tuple[Scored, ...]:
    """Labels with their scores, best first."""
    found = [Scored(label, score) for label, score in zip(labels, values, strict=True)]
    return tuple(sorted(found, key=lambda one: -one.score))


@dataclass(frozen=True)
class Part:
    """What one window of a long text says by itself. `span`: its characters; `tokens`: its share of the mean; `labels`: best first."""

    span: tuple[int, int]
    tokens: int
    labels: tuple[Scored, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {"span": list(self.span), "tokens": self.tokens, "labels": [each.to_json() for each in self.labels]}


@dataclass(frozen=True, kw_only=True)
class Classified(Result):
    """The labels of a text, best first: none where it holds nothing to read. `other`: the second text of a pair. `parts`: its windows.
    `listed`: whether several labels are the answer. `zero_shot`: whether the labels were the caller's own."""

    labels: tuple[Scored, ...]
    other: str | None = None
    parts: tuple[Part, ...] = ()
    why: Why | None = None
    listed: bool = False
    zero_shot: bool = False

    @property
    def label(self) -> str | None:
        """The best label."""
        return self.labels[0].label if self.labels else None

    @property
    def score(self) -> float | None:
        """Its score."""
        return self.labels[0].score if self.labels else None

    def __str__(self) -> str:
        names = [visible(each.label) for each in self.labels]
        width = max(map(cell_len, names), default=0)
        return "\n".join(f"{column(name, width)}  {each.score:.4f}" for name, each in zip(names, self.labels, strict=True))

    @property
    def texts(self) -> tuple[str, ...]:
        """The text, or both of a pair."""
        return (self.source,) if self.other is None else (self.source, self.other)

    def cells(self) -> Cells:
        """See Result."""
        if self.listed:
            return {"": [each.label for each in self.labels], "score": [each.score for each in self.labels]}
        return {"": self.label or "", "score": self.score}

    def to_json(self) -> dict[str, Any]:
        """See Result."""
        out = {**self._as_before(), **super().to_json()}
        if self.other is not None:
            out["text_pair"] = self.other
        if len(self.parts) > 1:
            out["parts"] = [part.to_json() for part in self.parts]
        if self.why is not None:
            out["why"] = self.why.to_json()
        return out

    def save_html(self, path: str | Path) -> Path:
        """Write the words that decided as a page. Raises InputError where that was not measured, or it cannot be written."""
        if self.why is None:
            raise InputError("there is nothing to draw: which words decided was not measured.", "Ask with why=True.")
        return save([fragment(self.why, self.texts)], path)

    def _repr_html_(self) -> str:
        return super()._repr_html_() if self.why is None else fragment(self.why, self.texts)

    def _as_before(self) -> dict[str, Any]:
        """What the two old pipelines gave."""
        if self.zero_shot:
            return {"sequence": self.source, "labels": [one.label for one in self.labels], "scores": [one.score for one in self.labels]}
        return {"label": self.label, "score": self.score, "all": [each.to_json() for each in self.labels]}
