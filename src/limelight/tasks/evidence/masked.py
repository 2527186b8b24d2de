"""A masked word as a case of look.evidence: the log-probability of a token in the place of the mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Batch, Encoded
from ...look.evidence import Case, Gaze, Reading, one, words_of
from ..fill.task import Fill, FillOptions
from ..reading.telling import reading_of
from ..reading.windows import room_of


def masked(opened: Opened, text: str | Encoded, word: str | int | None, batch: int) -> tuple[Reading, Case]:
    """How a model of masked words reads a text with one mask, and the text. `word`: whose log-probability is asked for, a token or a word
    that is one; None for the best guess. Raises InputError for none or several masks, or a text that is too long."""
    row = text if isinstance(text, Encoded) else Fill(opened).encoded(text)
    place = _place(opened, row)
    token = _token(opened, row.text, word)
    if token is None:
        token = int(_first(masked_reading(opened, place, None, batch), row).argmax())
    reading = masked_reading(opened, place, token, batch)
    before = _first(reading, row)[None]
    bare = Encoded(row.text, row.ids, _without(row.offsets, place), row.other, row.parts, row.segments)
    piece = opened.text.piece(token).strip() or opened.text.piece(token)
    return reading, Case(
        rows=(bare,),
        words=tuple(words_of([bare])),
        before=before,
        value=lambda said: said.double().sum(),
        shown=lambda said: float(said.double().sum()),
        looked=(1.0,),
        label=piece,
        of=f'the log-probability of "{piece}"',
    )


def masked_reading(opened: Opened, place: int, token: int | None, batch: int) -> Reading:
    """How it reads. `place`: of the mask; `token`: whose log-probability it says, None for those of all."""

    def says(given: Batch) -> Float[Tensor, "b _"]:
        logs = opened.model.logits(opened.model.hidden(given)[:, place]).float().log_softmax(-1)
        return logs if token is None else logs[:, token, None]

    def asks(given: Batch, queries: int) -> Float[Tensor, "b q"]:
        return one(torch.full((len(given),), place, device=given.values.device), queries)

    return reading_of(opened, says, Gaze.last(opened.model, asks, "the mask"), batch=batch)


def _first(reading: Reading, row: Encoded) -> Float[Tensor, " c"]:
    return reading.read([row], reading.says)[0]


def _place(opened: Opened, row: Encoded) -> int:
    found = [i for i, token in enumerate(row.ids) if token == opened.text.mask]
    if len(found) != 1:
        raise InputError(f"{len(found)} masks stand in the text; one is explained at a time.", "Fill in the others.")
    if len(row.ids) > (room := room_of(opened)):
        raise InputError(f"the text has {len(row.ids):,} tokens; {opened.manifest.name} reads {room:,} at once.", "Shorten it.")
    return found[0]


def _token(opened: Opened, text: str, word: str | int | None) -> int | None:
    if word is None or isinstance(word, int):
        return word
    return Fill(opened)(text, FillOptions(targets=(word,))).guesses[0][0].token


def _without(offsets: Sequence[tuple[int, int]], place: int) -> tuple[tuple[int, int], ...]:
    """The mask is no word: nobody can do without it."""
    return tuple((a, a) if i == place else (a, b) for i, (a, b) in enumerate(offsets))
