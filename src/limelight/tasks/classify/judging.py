"""Judging: what a classifier is asked of a text, and what its logits then say: of the labels of its own, or of a caller's (zero-shot)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError, TaskError
from ...hub import Opened
from ...inputs import Batch, Encoded
from ...spec import Classes
from ..reading.windows import Window, windows
from .odds import Kind

BLANK = "{}"


@dataclass(frozen=True)
class Judge:
    """What labels are told apart and how. `hypotheses`: one a label, each read beside the text by a model of entailment; none where the
    labels are the head's own. `entails`, `contradicts`: the head's labels that the answer is taken from then."""

    labels: tuple[str, ...]
    kind: Kind
    hypotheses: tuple[str, ...] = ()
    entails: int = 0
    contradicts: int | None = None

    def logits(self, read: Float[Tensor, "r w c"]) -> Float[Tensor, "w _"]:
        """The head's logits for each row that a window was read in -> one a label.

        Entailment against contradiction as a softmax of two is a sigmoid of their difference (Yin et al. 2019, section 4.2).
        """
        if not self.hypotheses:
            return read[0]
        said = read[:, :, self.entails]
        return (said if self.contradicts is None else said - read[:, :, self.contradicts]).T


def head_of(opened: Opened) -> Classes:
    """The head that tells classes apart. Raises TaskError where there is none."""
    head = next((head for head in opened.manifest.spec.heads if isinstance(head, Classes)), None)
    if head is None:
        raise TaskError(f'the model "{opened.manifest.name}" has no head for classes.', "Use a model that was made to classify.")
    return head


def class_logits(opened: Opened, batch: Batch) -> Float[Tensor, "b c"]:
    """The logits of each class for rows of tokens. Raises TaskError where they are no numbers: nothing can be put in order then."""
    out = opened.model.classify(batch, head_of(opened).name, start=opened.manifest.generation.start or 0)
    if not bool(torch.isfinite(out).all()):
        raise TaskError(f'"{opened.manifest.name}" gives scores that are no finite numbers.', "Try dtype fp32; or its weights are damaged.")
    return out


def own_labels(opened: Opened, several: bool | None) -> Judge:
    """The head's own labels. `several`: each by itself; None for what the folder says. One label alone is always by itself."""
    head = head_of(opened)
    if head.quantity and several is None:
        return Judge(head.labels, "raw")
    each = head.several if several is None else several
    return Judge(head.labels, "sigmoid" if each or len(head.labels) == 1 else "softmax")


def entailed(opened: Opened, labels: Sequence[str], template: str, several: bool | None) -> Judge:
    """A caller's labels, by whether a text entails "This example is {label}." (Yin et al. 2019).

    Where one of them holds, they share out what is entailed; where `several` may, or there is but one, each stands against its own
    contradiction. Raises TaskError for a model that does not say which of its classes means that.
    """
    named = [label.lower() for label in head_of(opened).labels]
    hypotheses = tuple(template.replace(BLANK, label) for label in labels)
    entails = _labelled(opened, named, "entail")
    if not several and len(labels) > 1:
        return Judge(tuple(labels), "softmax", hypotheses, entails)
    other = 1 - entails if len(named) == 2 else _labelled(opened, named, "contradict")
    return Judge(tuple(labels), "sigmoid", hypotheses, entails, other)


def _labelled(opened: Opened, named: Sequence[str], stem: str) -> int:
    found = next((i for i, name in enumerate(named) if name.startswith(stem)), None)
    if found is None:
        raise TaskError(
            f'labels of your own need a model of entailment; "{opened.manifest.name}" has no class named "{stem}...": '
            f"it has {_some(head_of(opened).labels)}.",
            "Use one trained on MNLI or the like; or leave the labels out, for the model's own.",
        )
    return found


def _some(labels: Sequence[str], most: int = 6) -> str:
    return ", ".join(labels[:most]) + ", ..." * (len(labels) > most)


# --- what is read -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Sheet:
    """One text, or a pair, as the model reads it: a row for each hypothesis (or a single one), each in windows that are cut alike.
    `part`: which text the windows go through; `asked`: whose words may have decided."""

    text: str
    other: str | None
    rows: tuple[tuple[Window, ...], ...]
    part: int = 0
    asked: tuple[int, ...] = (0,)

    @property
    def shares(self) -> list[int]:
        """How much each window counts: its tokens of the text."""
        return [window.count for window in self.rows[0]] if self.rows else []

    @property
    def encoded(self) -> list[Encoded]:
        """All windows of the first row, then of the next."""
        return [window.encoded for row in self.rows for window in row]

    def said(self, part: int) -> str:
        """The text of that number."""
        return (self.other or "") if part else self.text


@dataclass(frozen=True)
class Room:
    """How much is read at once: `tokens`; a longer text goes in windows that share `overlap` of them, unless it is `refused`."""

    tokens: int
    overlap: int
    refused: bool = False


def sheet(opened: Opened, judge: Judge, text: str, other: str | None, room: Room) -> Sheet:
    """A text, or a pair, ready to be read; one without any token to read has no rows.

    Raises InputError for a pair where hypotheses are the second text, for a text that is too long where that is refused, and where
    windows leave no room.
    """
    if judge.hypotheses and other is not None:
        raise InputError("labels of your own take the place of a second text: got a pair as well.", "Give one text, or leave labels out.")
    seconds = judge.hypotheses or (other,)
    found = [opened.text.encode(text, second) for second in seconds]
    counts = [sum(of == part for of in found[0].parts) for part in (0, 1)]
    asked = (0,) if judge.hypotheses or other is None else (0, 1)
    if not any(counts[part] for part in asked):
        return Sheet(text, other, ())
    part = 0 if len(asked) == 1 or counts[0] >= counts[1] else 1
    rows = _cut(opened, found, part, room)
    return Sheet(text, other, rows, part, asked)


def _cut(opened: Opened, found: Sequence[Encoded], part: int, room: Room) -> tuple[tuple[Window, ...], ...]:
    """Windows that are cut alike beside hypotheses of any length: the longest leaves the least room."""
    longest = max(len(each.ids) for each in found)
    if room.refused and longest > room.tokens:
        raise InputError(
            f"the text has {longest:,} tokens; {opened.manifest.name} reads {room.tokens:,} at once.",
            'Shorten it, or let it be read in windows (long="windows").',
        )
    spare = room.tokens - longest
    return tuple(tuple(windows(each, spare + len(each.ids), overlap=room.overlap, part=part)) for each in found)
