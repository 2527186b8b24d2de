"""How to transcribe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...values import value
from ..writing.writer import Writing


@value
class TranscribeOptions(Writing):
    """How to transcribe: see Writing. `language`: of the speech, by its code; None: the model's own guess from the first stretch.
    `translate`: into English. `times`: whether the model writes times, at which stretches are cut (see seams); without, they are
    cut in pauses. `words`: the times of words, from the attention of the decoder to the sound. `retry`: an answer that the model
    itself held unlikely, or that repeats itself, is drawn again, ever more freely (Radford et al. 2022, section 4.5). `follow`: each
    stretch is told what was said before it, which keeps names and style, and may keep errors; after an answer that was drawn freely it
    begins anew. `every`: seconds of new sound that are waited for in a stream."""

    language: str | None = None
    translate: bool = False
    times: bool = True
    words: bool = True
    retry: bool = True
    follow: bool = False
    every: Annotated[float, Field(ge=0.1, le=30.0)] = 5.0
    batch: Annotated[int, Field(ge=1)] = 8
