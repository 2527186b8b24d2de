"""Showing: one picture, recording or drawing, what the model said of it, and all others that a page may ask about.

    look = limelight.explorer("scenes-caption", "scene.png")
    look.save("scene.html")
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError, LimelightError, did_you_mean
from ...hub import Opened
from ...values import shortened
from ..keeping import Budget
from ..paged import Paged
from ..scene import VERSION
from .kinds import KINDS

FIELDS = {"scene": frozenset[str](), "draw": frozenset({"text", "seed"})}
MOST_SEED = 2**53                        # as far as a page counts
MOST_NAME, MOST_TEXT = 80, 2_000
MOST_SCORES = 4                          # of a card
COPIES = "codec alone"                   # how those end that are of copies of true pictures, not of drawings


def shows(opened: Opened) -> bool:
    """Whether a model is one whose answers are shown: it reads pictures or sounds, or draws."""
    return opened.manifest.task in KINDS


class Showing(Paged):
    """A model and what it said of what it was given first."""

    def __init__(self, opened: Opened, shown: dict[str, Any]):
        self.opened, self.shown, self.kind = opened, shown, KINDS[opened.manifest.task]
        self.most = self.kind.most
        self._lock = threading.Lock()

    @classmethod
    def of(cls, opened: Opened, given: object) -> Showing:
        """Look at a file, or at what else the task takes. Raises InputError for what it does not, with the task's own words."""
        is_file = KINDS[opened.manifest.task].given != "text" and isinstance(given, str | os.PathLike)
        return cls(opened, _shown(opened, given, Path(given).name if is_file else "", 0))  # pyright: ignore[reportArgumentType]

    @property
    def title(self) -> str:
        """See Paged."""
        return f"{self.shown['name'] or self.shown['text']} · {self.opened.manifest.name}"

    def ask(self, query: object) -> dict[str, Any]:
        """See Paged: {"ask": "scene"}, and {"ask": "draw", "text": ..., "seed": ...} of a model that draws."""
        return self._answered(lambda: self._answer(query))

    def give(self, data: bytes, name: str) -> dict[str, Any]:
        """See Paged: a picture's file, or a recording's."""
        if not self.most:
            return super().give(data, name)
        return self._answered(lambda: _shown(self.opened, self._checked(data, name), name, 0))

    def bundle(self, budget: Budget | None = None) -> dict[str, Any]:
        """See Paged; there is one answer, which is kept whole."""
        del budget
        scene, m = self._scene(), self.opened.manifest
        what = "TEXT" if self.kind.given == "text" else "FILE"
        say = f"This page keeps what the model said, and no model. For others: limelight look {m.name} {what} --web"
        return {"version": VERSION, "scene": scene, "start": scene["start"], "kept": {"rest": {"say": say}}}

    def told(self) -> list[str]:
        """See Paged."""
        boxes = ", ".join(f"{each['text']} {each['score']:.2f}" for each in self.shown.get("boxes", ()))
        return [self.title, self.shown.get("text", boxes), self.shown["trust"]]

    def __repr__(self) -> str:
        return f"<Showing of {self.title[:120]!r}>"

    def _answered(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        with self._lock:
            try:
                return work()
            except LimelightError as error:
                return {"error": error.message, "hint": error.hint}

    def _answer(self, query: object) -> dict[str, Any]:
        if not isinstance(query, Mapping):
            raise InputError(f"a question is a table with ask: got {shortened(query, 40)}.", 'For instance {"ask": "scene"}.')
        known = {name: fields for name, fields in FIELDS.items() if name == "scene" or self.kind.given == "text"}
        kind = query.get("ask")
        if kind not in known:
            raise InputError(f'"ask" is {shortened(kind, 40)}, which is not known.', did_you_mean(str(kind)[:40], known))
        if unknown := sorted(map(str, query.keys() - known[kind] - {"ask"})):
            raise InputError(f'a question "{kind}" has no "{unknown[0][:40]}".', did_you_mean(unknown[0][:40], known[kind]))
        return self._scene() if kind == "scene" else self._drawn(query.get("text"), query.get("seed", 0))

    def _drawn(self, text: object, seed: object) -> dict[str, Any]:
        if type(seed) is not int or not 0 <= seed < MOST_SEED:
            raise InputError(f'"seed" is a whole number from 0 on: got {shortened(seed, 40)}.', "For instance 0.")
        if not isinstance(text, str) or not text.strip() or len(text) > MOST_TEXT:
            raise InputError(f'"text" is what is to be drawn, up to {MOST_TEXT:,} letters: got {shortened(text, 40)}.', "Say what to draw.")
        return _shown(self.opened, text, "", seed)

    def _checked(self, data: bytes, name: str) -> bytes:
        if len(data) > self.most:
            raise InputError(f"{name or 'the file'} has {len(data):,} bytes; a page takes at most {self.most:,}.", "Make it smaller first.")
        return data

    def _scene(self) -> dict[str, Any]:
        """As the page reads those of texts; nothing stands in it of what only a text has."""
        m = self.opened.manifest
        nothing = {"tracks": {}, "attentions": [], "steps": [], "choice": None, "beams": None, "align": None, "trust": {}, "seconds": None}
        return {
            "version": VERSION,
            "model": m.name,
            "family": m.spec.family,
            "parameters": sum(each.numel() for each in self.opened.model.parameters()),
            "task": m.task,
            "title": m.name,
            **nothing,
            "live": {"lab": False, "evidence": []},
            "start": {"name": "", "head": 0, "query": 0},
            "given": self.kind.given,
            "most": self.most,
            "shown": self.shown,
        }


def _shown(opened: Opened, given: object, name: str, seed: int) -> dict[str, Any]:
    """What is shown of one answer, under the name that it came with."""
    task = opened.manifest.task
    said = KINDS[task].show(opened, given, seed)
    trust = ". ".join([said["trust"], *_carded(opened.manifest.card.scores, KINDS[task].measured)])
    return {**said, "trust": trust, "name": name[:MOST_NAME], "task": task}


def _carded(scores: Mapping[str, float | str], begin: tuple[str, ...]) -> list[str]:
    """What the card says of how often such answers are right; [] where it says nothing."""
    told = [f"{name} {value}" for name, value in scores.items() if name.startswith(begin) and not name.endswith(COPIES)][:MOST_SCORES]
    return [f"By its card, on data held out: {'; '.join(told)}"] if told else []
