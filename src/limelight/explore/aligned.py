"""Aligned: the words of a text beside those of its translation, by the attention that was measured for it, or one that is chosen blind."""

from __future__ import annotations

import json
from typing import Any

from ..decode import Hypothesis
from ..inputs import Encoded, words
from ..look import value_norms
from ..look.picture import to_json
from ..tasks.translate.alignments import Aligning, Told, spelled, told
from ..tasks.translate.forcing import Couple, Led
from ..tasks.translate.unmeasured import chosen_blind
from ..tasks.writing import Part, Sight
from .reading import Reading
from .writing import Written

MOST = 40_000                            # weights that a picture holds, of all heads; of a longer text it would be too heavy to open


def aligned(reading: Reading) -> dict[str, Any] | None:
    """A Picture's JSON; None of what is no translation, of one that is too long, and of one without words on either side."""
    opened, written = reading.opened, reading.written
    if written is None or reading.subject.manner != "answers" or opened.manifest.task != "translate":
        return None
    sizes = {name: reading.view(name).shape() for name in reading.passed.seen if name.endswith(".cross")}
    if not sizes or any(heads * queries * keys > MOST for _, heads, queries, keys in sizes.values()):
        return None
    how, sight = _measured(reading, written) if opened.manifest.aligner is not None else _blind(reading, written, list(sizes))
    if sight is None or not sight.alignment.source or not sight.alignment.target:
        return None
    return json.loads(to_json(how.picture(reading.tracks["target"].text, sight.alignment, reading.seconds, sight.subwords)))


def _measured(reading: Reading, written: Written) -> tuple[Told, Sight]:
    """By the attention that the model's folder names."""
    opened = reading.opened
    looker = Aligning(opened, before=_before(reading))
    part = Part(0, 0, reading.encoded.ids, written.longest, source=reading.encoded)
    best, view = Hypothesis(written.tokens, written.logprobs or (), (), 0.0, True), reading.view(looker.attention)
    return told(opened), looker.see(part, best, view.weights()[0], value_norms(opened.model, view)[0] if looker.normed else None)


def _blind(reading: Reading, written: Written, names: list[str]) -> tuple[Told, Sight | None]:
    """By the one at which most words are one another's best, which says of itself that nobody has measured it."""
    text, before, steps = reading.opened.text, _before(reading), len(written.tokens)
    said, spans = spelled(text, written.tokens)
    source = reading.encoded.text[before:]
    led = Led(
        couple=Couple(source, said, (words(source), words(said))),
        source=reading.encoded,
        target=Encoded(said, written.tokens, tuple(spans)),
        before=before,
        weights={name: reading.view(name).weights()[0, :, :steps].cpu() for name in names},
        norms={},
        logprobs=written.logprobs or (),
    )
    how = chosen_blind(reading.opened, [led])
    there = bool(led.couple.words[0]) and bool(led.couple.words[1])
    return how, Sight(led.aligned(how.way), led.subwords(text, how.way)) if there else None


def _before(reading: Reading) -> int:
    """Characters that ask for a translation, and are no part of the text."""
    return len(reading.subject.writer.prefix) if reading.subject.writer is not None else 0
