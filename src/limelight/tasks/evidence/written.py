"""A written answer as a case of look.evidence: the log-probability of all of its tokens, given the words of the source or the prompt."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import InputError
from ...hub import Opened
from ...inputs import Batch, Encoded
from ...look.evidence import Case, Gaze, Reading, even, words_of
from ..reading.telling import reading_of


def written(opened: Opened, text: str | Encoded, answer: tuple[int, ...], batch: int) -> tuple[Reading, Case]:
    """How a model reads a source that it has answered, or a prompt with the answer behind it; and that text. Raises InputError for a text
    without a word, and for tokens that the model does not have."""
    source = text if isinstance(text, Encoded) else opened.text.encode(text, marks=opened.model.encoder is not None)
    vocab = len(opened.text)
    if odd := [token for token in answer if not 0 <= token < vocab]:
        raise InputError(f"the model has tokens 0 to {vocab - 1:,}: got {odd[0]}.", "Give the ids that it wrote.")
    row = source if opened.model.encoder is not None else _behind(source, answer)
    words = words_of([row])
    if not words:
        raise InputError(f"there is no word in the text: {source.text[:40]!r}.", "Give a text with words.")
    reading = written_reading(opened, answer, batch)
    before = reading.read([row], reading.says)[0][None]
    return reading, Case(
        rows=(row,),
        words=tuple(words),
        before=before,
        value=lambda said: said.double().sum(),
        shown=lambda said: float(said.double().sum()),
        looked=(1.0,),
        label=opened.text.decode(answer).strip(" "),
        of="the log-probability of the answer",
    )


def written_reading(opened: Opened, answer: tuple[int, ...], batch: int) -> Reading:
    """How it reads rows, each with this answer."""
    if opened.model.encoder is None:
        return reading_of(opened, _Continued(opened, answer), _gaze(opened, answer), batch=batch, least=len(answer) + 1)
    return reading_of(opened, _Answered(opened, answer), _gaze(opened, answer), batch=batch)


class _Answered:
    """What a decoder says of an answer to each row that its encoder reads, (b 1)."""

    def __init__(self, opened: Opened, answer: tuple[int, ...]):
        self._opened, self._answer = opened, answer

    def __call__(self, batch: Batch) -> Float[Tensor, "b 1"]:
        model, device = self._opened.model, batch.values.device
        start = self._opened.manifest.generation.start or 0
        given = torch.tensor([start, *self._answer[:-1]], device=device).expand(len(batch), -1)
        return _likely(model.logits(model.decode(given, memory=model.encode(batch))), self._answer)


class _Continued:
    """What a decoder says of the answer that ends each row, (b 1)."""

    def __init__(self, opened: Opened, answer: tuple[int, ...]):
        self._opened, self._answer = opened, answer

    def __call__(self, batch: Batch) -> Float[Tensor, "b 1"]:
        model = self._opened.model
        places = _asking(batch, len(self._answer))
        hidden = model.hidden(batch)
        return _likely(model.logits(hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))), self._answer)


def _asking(batch: Batch, count: int) -> Tensor:
    """The places that the last `count` tokens of each row are said from: those just before them."""
    rows, slots = batch.values.shape
    ends = torch.full((rows,), slots, device=batch.values.device) if batch.keep is None else batch.keep.sum(1)
    return ends[:, None] - count - 1 + torch.arange(count, device=ends.device)


def _likely(logits: Float[Tensor, "b k v"], answer: tuple[int, ...]) -> Float[Tensor, "b 1"]:
    wanted = torch.tensor(answer, device=logits.device).expand(len(logits), -1)[..., None]
    return logits.float().log_softmax(-1).gather(-1, wanted).sum(1)


def _gaze(opened: Opened, answer: tuple[int, ...]) -> Gaze | None:
    crossing = opened.model.encoder is not None

    def asks(batch: Batch, queries: int) -> Float[Tensor, "b q"]:
        counts = torch.ones(len(batch), queries, dtype=torch.bool, device=batch.values.device)
        return even(counts) if crossing else even(torch.zeros_like(counts).scatter(1, _asking(batch, len(answer)), True))

    return Gaze.last(opened.model, asks, "all of the answer")


def _behind(source: Encoded, answer: tuple[int, ...]) -> Encoded:
    """The answer behind a prompt; its tokens are of no word."""
    end, k = len(source.text), len(answer)
    return replace(
        source,
        ids=(*source.ids, *answer),
        offsets=(*source.offsets, *[(end, end)] * k),
        parts=(*source.parts, *[None] * k),
        segments=(*source.segments, *[0] * k),
        words=(),
    )
