"""verify: a published folder opened here and by transformers, and what the two say of the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ...decode import Beam, Ending, Greedy, Hypothesis, generate
from ...errors import InputError, TaskError
from ...hub import Opened, find, open_model
from ...inputs import pad
from ...spec import Classes, Labels, Words
from ..writing.writer import rules
from .twin import Twin, Written

MOST_APART = 1e-4                         # of the largest score, in fp32
NEW, WIDTH = 32, 4                        # tokens that are written, and how many beams write them
LINES = (
    "The black cat ate the mouse.",
    "Who wrote 'The Left Hand of Darkness', and when?",
    "In 1969, about 650,000,000 people watched 2 men walk on the Moon (384,400 km away)!",
    "Straße, œuvre, naïve, Ελλάδα, Москва: words of other alphabets.",
    "黒い猫がネズミを食べた。",
    "  two  spaces,\ttabs and\na new line ",
    "def f(x): return x**2  # 🙂",
    "Yes",
)


@dataclass(frozen=True)
class Check:
    """One thing that was compared. `apart`: the greatest difference, by the largest of theirs; None where tokens are compared, which
    are equal or not. `said`: the same in words."""

    what: str
    agrees: bool
    apart: float | None
    said: str


@dataclass(frozen=True)
class Verdict:
    """All of them for one folder. `notes`: what was not compared, or in another way than asked, and why."""

    folder: str
    family: str
    head: str
    transformers: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return all(check.agrees for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "folder": self.folder,
            "family": self.family,
            "head": self.head,
            "transformers": self.transformers,
            "torch": str(torch.__version__),
            "agrees": self.agrees,
            "checks": [vars(check) for check in self.checks],
            "notes": list(self.notes),
        }


def verify(name: str | Path, texts: Sequence[str] = LINES) -> Verdict:
    """Compare a published folder with transformers: pieces, scores, and what is written greedily and by beams of 4; fp32, on the CPU.

    Raises TaskError where transformers is not installed or cannot open the folder, or the folder is not a published one of a text
    model; InputError for no text; and what `open_model` raises.
    """
    folder = find(name)
    if not (folder / "config.json").exists():
        raise TaskError(f"{folder} holds no config.json: transformers cannot open it.", "limelight convert writes a published folder.")
    ours = open_model(folder, device="cpu", dtype="fp32")
    return Pair(ours, Twin(folder, ours.manifest.spec), texts).verdict()


class Pair:
    """One folder, opened twice, and the texts that it is asked about."""

    def __init__(self, ours: Opened, theirs: Twin, texts: Sequence[str]):
        self._ours, self._theirs, self._texts = ours, theirs, texts
        self._spec, self._settings = ours.manifest.spec, ours.manifest.generation
        self._rows = [self._cut(list(each.ids)) for each in ours.text.encode_all(list(texts)) if each.ids]
        if not self._rows:
            raise InputError("there is no text to compare: all that were given are empty.", "Give one, or leave them out.")

    def verdict(self) -> Verdict:
        """Everything that such a model can be compared in."""
        notes = [f"token ids: not compared; {self._theirs.no_tokenizer}"] if self._theirs.no_tokenizer else []
        checks = [] if notes else [self._tokens()]
        checks += self._scores()
        if self._writes:
            checks += [self._written("greedy", 1), self._written(f"beam {WIDTH}", WIDTH)]
            notes += [] if self._theirs.caches else ["transformers wrote without a cache: it does not keep one for unequal depths."]
        head = next((each.kind if each.name != "span" else "span" for each in self._spec.heads), "none")
        folder = str(self._ours.folder)
        return Verdict(folder, self._spec.family, head, self._theirs.version, tuple(checks), tuple(notes))

    @property
    def _writes(self) -> bool:
        return self._spec.decoder is not None and any(isinstance(head, Words) for head in self._spec.heads)

    def _cut(self, ids: list[int]) -> list[int]:
        """No longer than the model's positions with what is written after it; the end of a text stays its end."""
        stack = self._spec.encoder or self._spec.decoder
        room = (stack.room if stack else None) or len(ids)
        room = max(1, room - NEW * (self._spec.encoder is None))
        return ids if len(ids) <= room else [*ids[: room - 1], ids[-1]]

    # --- pieces -------------------------------------------------------------------------------------------------------
    def _tokens(self) -> Check:
        differ = [text for text in self._texts if list(self._ours.text.encode(text).ids) != list(self._theirs.ids(text))]
        said = f"{len(self._texts) - len(differ)} of {len(self._texts)} texts"
        return Check("token ids", not differ, None, said + (f"; not {differ[0][:40]!r}" if differ else ""))

    # --- scores -------------------------------------------------------------------------------------------------------
    def _scores(self) -> list[Check]:
        """Ours of each text alone, and of all in a batch with padding; theirs alone, which no padding can disturb."""
        theirs = [self._theirs.says(row, self._target(row)) for row in self._rows]
        alone = [self._say([row])[0] for row in self._rows]
        what = "hidden states" if not self._spec.heads else "logits"
        return [_apart(what, alone, theirs), _apart(f"{what}, padded", self._say(self._rows), theirs)]

    @property
    def _led(self) -> bool:
        """Whether a decoder is led through tokens of its own beside an encoder."""
        both = self._spec.encoder is not None and self._spec.decoder is not None
        return both and not any(isinstance(head, Classes | Labels) for head in self._spec.heads)

    def _target(self, row: Sequence[int]) -> list[int] | None:
        vocab = self._spec.decoder.tokens.vocab if self._spec.decoder else 1
        return [self._start, *(i % vocab for i in row[: NEW - 1])] if self._led else None

    @property
    def _start(self) -> int:
        return self._settings.start or 0

    @torch.inference_mode()
    def _say(self, rows: Sequence[Sequence[int]]) -> list[Tensor]:
        """Scores of each row of a batch, without its padding."""
        model, head = self._ours.model, next(iter(self._spec.heads), None)
        batch = pad(rows, filler=self._settings.pad, side="left" if self._spec.encoder is None else "right")
        keep = torch.ones_like(batch.values, dtype=torch.bool) if batch.keep is None else batch.keep
        if isinstance(head, Classes):
            return list(model.classify(batch, start=self._start))
        if self._led:
            told = pad([self._target(row) or [] for row in rows], filler=self._settings.pad)
            keep = torch.ones_like(told.values, dtype=torch.bool) if told.keep is None else told.keep
            hidden = model.decode(told.values, memory=model.encode(batch), keep=told.keep)
        else:
            hidden = model.hidden(batch, start=self._start)
        said = hidden if head is None else model.logits(hidden, head.name)
        return [each[real] for each, real in zip(said, keep, strict=True)]

    # --- what is written ----------------------------------------------------------------------------------------------
    def _written(self, what: str, beam: int) -> Check:
        ending = Ending(frozenset(self._settings.end), NEW)
        g = self._settings
        choice = Greedy() if beam == 1 else Beam(width=beam, nbest=beam, length_penalty=g.length_penalty, until=g.until)
        batch = pad(self._rows, filler=g.pad, side="left" if self._spec.encoder is None else "right")
        found = generate(self._ours.model, batch, choice, ending=ending, start=self._start, filters=rules(g, ending))
        same = [
            alike(each, self._theirs.writes(row, beam=beam, most=NEW), ending.end) for row, each in zip(self._rows, found, strict=True)
        ]
        said = f"{len(same) - same.count('other')} of {len(same)} texts"
        for kind, told in (("tie", "score alike there"), ("cut", "cut off, where ours prefers a whole answer")):
            said += f"; {same.count(kind)} {told}" if kind in same else ""
        return Check(what, "other" not in same, None, said)


def alike(found: Sequence[Hypothesis], theirs: Written, end: frozenset[int]) -> Literal["same", "tie", "cut", "other"]:
    """Whether two answers are one: "tie" where they differ and score alike there; "cut" where theirs is none that came to its end, and
    ours has one."""
    ends = [n + 1 for n, token in enumerate(theirs.tokens) if token in end]
    wanted = theirs.tokens[: ends[0]] if ends else theirs.tokens
    best = max(found, key=lambda each: each.score)                   # theirs ranks whole answers and those cut off alike
    if list(best.tokens) == wanted:
        return "same"
    if theirs.score is not None:
        return "tie" if abs(best.score - theirs.score) <= MOST_APART else "cut" if found[0].ended and not ends else "other"
    at = next((n for n, (a, b) in enumerate(zip(best.tokens, wanted, strict=False)) if a != b), None)
    if at is None:
        return "other"
    step = theirs.steps[at]
    by, largest = step[wanted[at]] - step[best.tokens[at]], step[step.isfinite()].abs().max()
    return "tie" if by <= MOST_APART * largest else "other"


def _apart(what: str, found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Check:
    if any(a.shape != b.shape for a, b in zip(found, wanted, strict=True)):
        return Check(what, False, None, f"{tuple(found[0].shape)} here, {tuple(wanted[0].shape)} there")
    largest = max(each.abs().max().item() for each in wanted)
    by = max((a - b).abs().max().item() for a, b in zip(found, wanted, strict=True)) / max(largest, 1e-12)
    return Check(what, by <= MOST_APART, by, f"{by:.1e} of the largest")
