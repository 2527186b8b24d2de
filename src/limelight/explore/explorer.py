"""Explorer: one text that a model has read, and every question about it.

    look = limelight.explorer("en-fr", "The black cat ate the mouse.")
    look.ask({"ask": "row", "name": "decoder.1.cross", "head": 0, "query": 2})
    look.save("cat.html")
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError, LimelightError, RecipeError, did_you_mean
from ..hub import Opened, open_model
from ..values import shortened
from .answers import ANSWERS
from .answers.edit import answer_text, compared, edited
from .answers.evidence import evidence, methods
from .keeping import Budget, bundle
from .paged import Paged
from .query import Query
from .reading import Reading, read
from .scene import Live, Scene
from .shown import Showing, shows
from .staging import scene
from .subject import Asked, Subject

FIELDS = {"scene": frozenset[str](), "evidence": frozenset({"method"}), "edit": frozenset({"ablate", "mask", "swap"})}
KNOWN = (*FIELDS, *ANSWERS)


class Explorer(Paged):
    """A reading, the edited one beside it, and what answers questions about both. Any thread may ask; one is answered at a time."""

    def __init__(self, reading: Reading):
        self.reading = reading
        self._after: Reading | None = None
        self._scenes: dict[str, Scene] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, opened: Opened, text: str, asked: Asked | None = None) -> Explorer:
        """Look at a text, and at what the model answers, or `asked.to`. Raises InputError for an empty text and for one that is too long,
        with the numbers; TraceError for a model without attention; RecipeError for what it cannot be asked."""
        subject, asked = Subject.of(opened, asked or Asked()), asked or Asked()
        if not isinstance(text, str):
            raise InputError(f"a text is wanted: got {type(text).__name__}.", 'For instance "The cat sat."')
        encoded = subject.encoded(text)
        answer = None if asked.to is None else subject.forced(encoded, asked.to)
        return cls(read(subject, encoded, answer=answer))

    @property
    def scene(self) -> Scene:
        """What a page is told first."""
        return self._scene("before")

    def ask(self, query: object) -> dict[str, Any]:
        """The answer to a question, as plain JSON data: {"error", "hint"} to one that cannot be answered. See docs/explorer.md for all of
        them; "of": "after" asks about the edited scene."""
        with self._lock:
            try:
                return self._answer(query)
            except LimelightError as error:
                return {"error": error.message, "hint": error.hint}

    def __repr__(self) -> str:
        return f"<Explorer of {self.reading.opened.manifest.name}: {self.reading.encoded.text[:60]!r}>"

    @property
    def title(self) -> str:
        """The text."""
        return self.scene.title

    def bundle(self, budget: Budget | None = None) -> dict[str, Any]:
        """See Paged."""
        return bundle(self, budget)

    def told(self) -> list[str]:
        """See Paged: the text, what the model said, and how far to trust what is shown."""
        said = answer_text(self.reading) or (self.scene.choice.label if self.scene.choice else "")
        return [self.scene.title, said, *self.scene.trust.values()]

    def _answer(self, query: object) -> dict[str, Any]:
        if not isinstance(query, Mapping):
            raise InputError(f"a question is a table with ask: got {shortened(query, 40)}.", 'For instance {"ask": "scene"}.')
        kind = query.get("ask")
        if kind not in KNOWN:
            raise InputError(f'"ask" is {shortened(kind, 40)}, which is not known.', did_you_mean(str(kind)[:40], KNOWN))
        fields = FIELDS.get(kind) or (ANSWERS[kind].fields if kind in ANSWERS else frozenset())
        if unknown := sorted(map(str, query.keys() - fields - {"ask", "of"})):
            raise InputError(f'a question "{kind}" has no "{unknown[0][:40]}".', did_you_mean(unknown[0][:40], fields | {"of"}))
        of = Query(query, self.reading).one_of("of", ("before", "after"), "before")
        return self._asked(kind, Query(query, self._of(of)), of)

    def _asked(self, kind: str, query: Query, of: str) -> dict[str, Any]:
        if kind == "evidence":                                           # which takes gradients
            return evidence(query)
        with torch.inference_mode():
            match kind:
                case "scene":
                    return self._scene(of).to_json()
                case "edit":
                    return self._edit(Query(query.given, self.reading))
            return ANSWERS[kind].answer(query)

    def _edit(self, query: Query) -> dict[str, Any]:
        after = edited(query)
        told = compared(self.reading, after)
        self._after = after
        self._scenes.pop("after", None)
        return {**told, "scene": self._scene("after").to_json()}

    def _of(self, of: str) -> Reading:
        if of == "before":
            return self.reading
        if self._after is None:
            raise InputError("nothing was edited yet: there is no scene after it.", 'Ask {"ask": "edit", ...} first.')
        return self._after

    def _scene(self, of: str) -> Scene:
        if of not in self._scenes:
            reading = self._of(of)
            with torch.inference_mode():
                self._scenes[of] = scene(reading, Live(True, methods(reading)))
        return self._scenes[of]


def explorer(
    model: str | Path | Opened,
    given: object,
    *,
    to: str | None = None,
    new: int | None = None,
    beam: int | None = None,
    languages: tuple[str | None, str | None] = (None, None),
    device: str = "auto",
) -> Explorer | Showing:
    """Look at a text in a model, or at what it says of a picture, a recording or a text to draw: a bundled name, a folder, org/name, or
    one that is open.

    `to`: the answer to look at, rather than the model's own; `new`: tokens that it writes at most; `beam`: partial answers kept, whose tree
    is shown; `languages`: from which into which, for a model of several. It is opened with exact products: numbers are looked at, and a
    model that rounds says other ones when it reads again. Raises as Explorer.of, Showing.of and opening do.
    """
    opened = model if isinstance(model, Opened) else open_model(model, device=device, quant="none")
    return look_at(opened, given, Asked(to, new, beam, languages))


def look_at(opened: Opened, given: object, asked: Asked) -> Explorer | Showing:
    """The same with a model that is open. Raises RecipeError for what is asked of how a text is answered, where none is."""
    if not shows(opened):
        return Explorer.of(opened, given, asked)  # pyright: ignore[reportArgumentType]
    if asked != Asked():
        m = opened.manifest
        raise RecipeError(f"{m.name} is for {m.task}: to, new, beam and languages are for texts.", "Leave them out.")
    return Showing.of(opened, given)
