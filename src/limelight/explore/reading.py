"""Reading: a text and its answer, looked at in one pass; all that questions are answered from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError
from ..hub import Opened
from ..inputs import Encoded
from ..look import View, ablate
from ..nn.heads import pool
from ..tasks.classify.judging import head_of, own_labels
from ..tasks.classify.odds import scores
from ..tasks.reading.places import finite
from .passing import Heads, Passed, passed
from .scene import Candidates, Step, Track, Verdict
from .subject import Subject
from .tracks import longer_track, read_track, written_track
from .writing import Written, difference, read_of, write

BEST, CHUNK = 5, 64                      # candidates of a step; steps whose logits stand in memory at once


@dataclass(frozen=True, eq=False)
class Reading:
    """What was looked at. `encoded`: the text as the model read it; `written`: the answer, of a model that writes; `steps`: its tokens, or
    none; `choice`: what a model says that writes nothing; `apart`: by how many nats the steps and the pass differ at most, None where no
    step was taken; `silent`: the heads that were switched off. `kept`: answers that cost something, by what was asked."""

    subject: Subject
    encoded: Encoded
    written: Written | None
    passed: Passed
    tracks: Mapping[str, Track]
    steps: tuple[Step, ...]
    choice: Verdict | None
    apart: float | None
    silent: Heads
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def opened(self) -> Opened:
        """The model."""
        return self.subject.opened

    def view(self, name: str) -> View:
        """An attention. Raises TraceError for an unknown name."""
        return self.passed.view(name)

    def track(self, side: str) -> str:
        """The name of the track that a stack reads."""
        return "text" if "text" in self.tracks else {"encoder": "source", "decoder": "target"}[side]

    @property
    def seconds(self) -> float:
        """What writing and looking took."""
        return self.passed.seconds + (0.0 if self.written is None else self.written.seconds)


@torch.inference_mode()
def read(subject: Subject, encoded: Encoded, *, answer: Sequence[int] | None = None, silent: Heads | None = None) -> Reading:
    """Look at a text. `answer`: its tokens, where it is given; a model that writes writes one otherwise. `silent`: heads that are switched
    off while it is written and looked at. Raises InputError where text and answer are longer than the model reads."""
    silent, opened = silent or {}, subject.opened
    written = None
    if subject.writer is not None:
        with ExitStack() as off:
            if silent and answer is None:
                off.enter_context(ablate(opened.model, silent))
            written = write(subject, encoded) if answer is None else Written(tuple(answer))
    reads = () if written is None else read_of(subject, encoded, written.tokens)
    if written is not None and len(reads) < len(written.tokens) - 1:
        said = f"the answer has {len(written.tokens):,} tokens; {opened.manifest.name} has no room for them."
        raise InputError(said, "Give a shorter one.")
    found = passed(subject, encoded, reads, silent)
    steps, apart = _steps(subject, encoded, written, found)
    choice = None if written is not None else _verdict(subject, encoded, found)
    return Reading(subject, encoded, written, found, _tracks(subject, encoded, reads), steps, choice, apart, silent)


def _tracks(subject: Subject, encoded: Encoded, reads: tuple[int, ...]) -> dict[str, Track]:
    text, spec = subject.opened.text, subject.opened.manifest.spec
    match subject.manner:
        case "answers":
            return {"source": read_track(text, encoded), "target": written_track(text, (subject.start,), reads)}
        case "goes on":
            return {"text": longer_track(text, encoded, reads)}
    if spec.encoder is None or spec.decoder is None:
        return {"text": read_track(text, encoded)}
    return {"source": read_track(text, encoded), "target": written_track(text, (subject.start,), encoded.ids[:-1])}


def _steps(subject: Subject, encoded: Encoded, written: Written | None, found: Passed) -> tuple[tuple[Step, ...], float | None]:
    """What each step chose, with what else it could have; and how far the pass is from the steps that wrote it."""
    if written is None:
        return (), None
    first = len(encoded.ids) - 1 if subject.manner == "goes on" else 0
    steps, worst = list[Step](), 0.0
    for start in range(0, len(written.tokens), CHUNK):
        tokens = written.tokens[start : start + CHUNK]
        hidden = found.hidden[0, first + start : first + start + len(tokens)]
        logits = finite(subject.opened.model.logits(hidden).float(), subject.opened)
        worst = max(worst, difference(subject, encoded, written, logits, start))
        steps += _chosen(subject, tokens, logits, first + start)
    return tuple(steps), None if written.logprobs is None else worst


def _chosen(subject: Subject, tokens: Sequence[int], logits: Float[Tensor, "n v"], first: int) -> list[Step]:
    piece, chances = subject.opened.text.piece, logits.softmax(-1)
    best = chances.topk(min(BEST, chances.shape[1]), -1)
    ranked = zip(best.values.tolist(), best.indices.tolist(), strict=True)
    return [
        Step(first + i, piece(token), token, float(chances[i, token]), tuple(zip(map(piece, ids), values, strict=True)))
        for i, (token, (values, ids)) in enumerate(zip(tokens, ranked, strict=True))
    ]


def _verdict(subject: Subject, encoded: Encoded, found: Passed) -> Verdict:
    """What a model says that writes nothing."""
    opened = subject.opened
    match subject.manner:
        case "judges":
            return _judged(opened, found)
        case "guesses" if (at := masks_of(opened, encoded)):
            chances = finite(opened.model.logits(found.hidden[0, at[:1]]).float(), opened)[0].softmax(-1)
            values, ids = chances.topk(min(BEST, len(chances)))
            candidates: Candidates = tuple(zip(map(opened.text.piece, ids.tolist()), values.tolist(), strict=True))
            return Verdict("mask", *candidates[0], candidates)
    if subject.manner == "reads" and not opened.manifest.spec.heads:
        return Verdict("vector", f"{found.hidden.shape[2]} numbers a token", None, ())
    return Verdict("none", "", None, ())


def masks_of(opened: Opened, encoded: Encoded) -> list[int]:
    """The places of masks."""
    mask = opened.text.marks.mask
    return [] if mask is None else [i for i, token in enumerate(encoded.ids) if token == mask]


def label_logits(opened: Opened, hidden: Float[Tensor, "1 n m"]) -> Float[Tensor, "1 c"]:
    """The logits of each class, as Network.classify reads them off."""
    head = head_of(opened)
    return finite(opened.model.logits(pool(hidden, None, head.at), head.name).float().cpu(), opened)


def _judged(opened: Opened, found: Passed) -> Verdict:
    """The labels, as the task gives them."""
    judge = own_labels(opened, None)
    values = scores(judge.logits(label_logits(opened, found.hidden)[None]), [1], judge.kind)
    candidates: Candidates = tuple(sorted(zip(judge.labels, values, strict=True), key=lambda one: -one[1]))
    return Verdict("class", candidates[0][0], None if judge.kind == "raw" else candidates[0][1], candidates)
