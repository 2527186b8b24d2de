"""Drafts: cheap guesses at the next tokens, which the model then reads all at once (see speculative.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ..errors import TaskError
from ..inputs.batch import Batch
from ..nn import Memory, Network
from ..nn.stack import Stack
from .choices import Greedy, Sample

Filtered = Callable[[Tensor, Sequence[int]], Tensor]     # scores (1 v) and what was said -> scores (1 v)


@dataclass(frozen=True)
class Tally:
    """How drafting went. `passes`: how often the model read; `drafted`: guesses that it read; `accepted`: those that stood."""

    passes: int = 0
    drafted: int = 0
    accepted: int = 0

    @property
    def share(self) -> float:
        """Of the guesses, those that stood; 0 where there were none."""
        return self.accepted / max(1, self.drafted)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.passes + other.passes, self.drafted + other.drafted, self.accepted + other.accepted)


@dataclass(frozen=True, eq=False)
class Guess:
    """Guessed tokens. `chances`: what each was drawn from, (v); empty where none was drawn by chance."""

    tokens: tuple[int, ...] = ()
    chances: tuple[Float[Tensor, " v"], ...] = ()


@dataclass(frozen=True, eq=False)
class Written:
    """An answer that is begun. `batch`: its source or prompt, one row; `source`: the ids that an encoder reads, None without one; `choice`:
    how tokens are chosen, from `vocab` of them, with the `dice` for what a draft draws; `filtered`: the filters."""

    batch: Batch
    source: Sequence[int] | None
    choice: Greedy | Sample
    vocab: int
    dice: torch.Generator
    filtered: Filtered


@runtime_checkable
class Guesses(Protocol):
    """Guesses at one answer, one after the other."""

    def guess(self, said: Sequence[int], most: int) -> Guess:
        """What may follow `said`, prompt or start included: `most` tokens at most."""
        ...


@runtime_checkable
class Draft(Protocol):
    """Where guesses come from."""

    def begin(self, written: Written) -> Guesses:
        """Guesses at one answer."""
        ...


# --- looking up ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Lookup:
    """What followed the newest tokens when they stood in the text before: the longest run of them, from `longest` to `shortest`, that is
    found there, where it is found last (Saxena 2023, prompt lookup decoding). Costs nothing, and pays where answers quote or repeat."""

    longest: int = 4
    shortest: int = 2

    def begin(self, written: Written) -> Guesses:
        """See Draft; what an encoder reads is looked through too."""
        return _Looking(self, written.source or ())


class _Looking:
    """`before`: text that stands before what is said, and is not repeated in it."""

    def __init__(self, how: Lookup, before: Sequence[int]):
        self._how, self._text = how, list(before)
        self._before, self._done = len(self._text), 0
        self._ends: dict[tuple[int, ...], int] = {}      # a run -> where its continuation begins

    def guess(self, said: Sequence[int], most: int) -> Guess:
        """See Guesses."""
        text = self._text
        text += said[len(text) - self._before :]
        self._learn()
        for n in range(min(self._how.longest, len(text)), self._how.shortest - 1, -1):
            at = self._ends.get(tuple(text[-n:]))
            if at is not None:
                period = len(text) - at                  # a text that repeats itself goes on repeating itself
                return Guess(tuple(text[at + i % period] for i in range(most)))
        return Guess()

    def _learn(self) -> None:
        """The runs that something follows, the newest instead of older ones."""
        for end in range(self._done + 1, len(self._text)):
            for n in range(self._how.shortest, min(self._how.longest, end) + 1):
                self._ends[tuple(self._text[end - n : end])] = end
        self._done = max(self._done, len(self._text) - 1)


# --- a small model ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Small:
    """What a smaller model with the same vocabulary would say, chosen as the answer is: the likeliest, or drawn."""

    model: Network

    def begin(self, written: Written) -> Guesses:
        """See Draft. Raises TaskError for a model of another kind than the one that it drafts for, and for one that cannot go back."""
        if (self.model.encoder is None) != (written.source is None):
            mine, its = ("no", "one") if self.model.encoder is None else ("an", "none")
            told = f"{self.model.spec.family} has {mine} encoder, the model that it would draft for has {its}."
            raise TaskError(told, "Draft with a model of the same kind.")
        return _Saying(Reader(self.model, written.batch), written)


class _Saying:
    def __init__(self, reader: Reader, written: Written):
        self._reader, self._written = reader, written

    def guess(self, said: Sequence[int], most: int) -> Guess:
        """See Guesses."""
        reader, w = self._reader, self._written
        if max(said) >= reader.vocab:                    # a token that its table lacks
            return Guess()
        reader.forget(len(said) - 1)
        text, chances = list(said), list[Tensor]()
        for _ in range(min(most, reader.room - len(said))):
            scores = w.filtered(_sized(reader.scores(text, 1), w.vocab), text)
            if scores.amax() == -torch.inf:              # the filters leave nothing to say
                break
            if isinstance(w.choice, Sample):
                chances.append(w.choice.narrowed(scores).softmax(-1)[0].cpu())
                text.append(int(torch.multinomial(chances[-1], 1, generator=w.dice)))
            else:
                text.append(int(scores.argmax()))
        return Guess(tuple(text[len(said) :]), tuple(chances))


def _sized(scores: Float[Tensor, "n _"], vocab: int) -> Float[Tensor, "n v"]:
    """Tables are padded to round sizes, so two models over the same tokens may have more scores or fewer."""
    return F.pad(scores[:, :vocab], (0, max(0, vocab - scores.shape[1])), value=-torch.inf)


class Reader:
    """A model and what it has read of one answer; it can go back. Raises TaskError for a recurrent decoder, which cannot."""

    def __init__(self, model: Network, batch: Batch):
        if not isinstance(model.decoder, Stack):
            raise TaskError(f"tokens are drafted for decoders of attentions: {model.spec.family} cannot go back.", "Leave the draft out.")
        self._model, self._cache = model, model.new_cache()
        self._device = model.decoder.embed.table.weight.device
        self._memory: Memory | None = None if model.encoder is None else model.encode(batch)
        self.room = model.decoder.spec.room or 1 << 62
        self.vocab = model.decoder.spec.tokens.vocab

    def scores(self, said: Sequence[int], wanted: int) -> Float[Tensor, "n v"]:
        """What may follow each of the `wanted` newest tokens of `said`; what is new of it is read."""
        new = torch.tensor([said[self._cache.length :]], device=self._device)
        hidden = self._model.decode(new, memory=self._memory, cache=self._cache)
        return self._model.logits(hidden[0, -wanted:]).float()

    def forget(self, n: int) -> None:
        """All but the first `n` tokens."""
        self._cache.trim(n)
