"""Aligned: the words of a text beside those of its translation, by the attention that the model's folder names for it."""

from __future__ import annotations

import json
from typing import Any

from ..decode import Hypothesis
from ..look import value_norms
from ..look.picture import to_json
from ..tasks.translate.alignments import Aligning, told
from ..tasks.writing import Part
from .reading import Reading


def aligned(reading: Reading) -> dict[str, Any] | None:
    """A Picture's JSON; None of a model without a measured aligner, and of a text or a translation without words."""
    opened, written = reading.opened, reading.written
    if opened.manifest.aligner is None or written is None or reading.subject.manner != "answers":
        return None
    prefix = len(reading.subject.writer.prefix) if reading.subject.writer is not None else 0
    looker = Aligning(opened, before=prefix)
    part = Part(0, 0, reading.encoded.ids, written.longest, source=reading.encoded)
    best = Hypothesis(written.tokens, written.logprobs or (), (), 0.0, True)
    view = reading.view(looker.attention)
    sight = looker.see(part, best, view.weights()[0], value_norms(opened.model, view)[0] if looker.normed else None)
    if not sight.alignment.source or not sight.alignment.target:
        return None
    made = told(opened).picture(reading.tracks["target"].text, sight.alignment, reading.seconds, sight.subwords)
    return json.loads(to_json(made))
