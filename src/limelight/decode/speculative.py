"""Speculative decoding: tokens are guessed cheaply and read all at once; those that the model would have said stay.

Leviathan et al. 2023, section 2.3: what is written has exactly the model's own distribution, however bad the guesses are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import InputError, RecipeError
from ..inputs.batch import Batch
from ..nn import Network
from .choices import Choice, Greedy, Sample
from .drafts import Draft, Guess, Reader, Tally, Written
from .filters import Filter
from .loop import Step
from .search import Search, SingleSearch
from .stops import Ending
from .trails import Trail

OTHER = 0x5BD1E995                                       # torch's dice hear the lower 32 bits of a seed alone


def speculate(
    model: Network, batch: Batch, choice: Choice, *, ending: Ending, draft: Draft, start: int = 0, filters: Sequence[Filter] = ()
) -> Iterator[Step]:
    """The steps of decode.stream for one row, several of them from one pass of the model where `draft` guesses well.

    Greedy search says the same tokens. Samples have the same distribution; and with guesses that are not drawn by chance (Lookup) they
    are the very same draws. Both hold as far as the model gives a row the same scores whatever is read beside it. Each step tells how many
    guesses stood. Raises RecipeError for choices that follow several trails, InputError for more than one row, and TaskError for
    a recurrent decoder, which cannot take back what it has read.
    """
    choice = _single(choice)
    if len(batch) != 1:
        raise InputError(f"tokens are drafted for one row at a time: got {len(batch)}.", "Give the rows one by one.")
    with torch.inference_mode():
        at = _Front(model, batch, choice, start, filters)
        guesses = draft.begin(at.written)
    judge = _Judge(choice, at.written.dice)
    search = judge.begin(choice, ending)
    pace, tally, index = Pace(), Tally(), 0
    while search.trails:
        with torch.inference_mode():
            most = min(pace.length, ending.max_length - index - 1, at.reader.room - len(at.said))
            guess = guesses.guess(at.said, most) if most > 0 else Guess()
            scores = at.read(guess)
        tally += Tally(1, len(guess.tokens), 0)
        stood = 0
        for i in range(len(scores)):
            with torch.inference_mode():
                judge.judge(guess, i)
                search.advance(at.written.filtered(scores[i : i + 1], at.said))
            index += 1
            token = at.follow(search, index)
            stands = i < len(guess.tokens) and token == guess.tokens[i]
            stood, tally = stood + stands, tally + Tally(accepted=int(stands))
            yield Step(index, search, tally)
            if not (stands and search.trails):
                break
        pace.after(len(guess.tokens), stood)


class Pace:
    """How many tokens to guess next: more while all stand, one more than stood otherwise. When guesses fail again and again, none
    for a while, and for a longer while each time."""

    FIRST, MOST, MISSES, REST, LONGEST = 4, 16, 3, 8, 64

    def __init__(self) -> None:
        self._length, self._missed, self._rest, self._next = self.FIRST, 0, 0, self.REST

    @property
    def length(self) -> int:
        """Tokens at most."""
        return 0 if self._rest else self._length

    def after(self, drafted: int, accepted: int) -> None:
        """Learn from a pass."""
        if self._rest:
            self._rest -= 1
        elif accepted:
            self._length = min(self.MOST, 2 * self._length if accepted == drafted else accepted + 1)
            self._missed, self._next = 0, self.REST
        elif drafted:
            self._length, self._missed = 1, self._missed + 1
            if self._missed >= self.MISSES:
                self._rest, self._missed = self._next, self.MISSES - 1
                self._next = min(self.LONGEST, 2 * self._next)


class _Front:
    """The text so far, and the model that reads on from it."""

    def __init__(self, model: Network, batch: Batch, choice: Greedy | Sample, start: int, filters: Sequence[Filter]):
        row = batch.values[0]
        ids: list[int] = (row if batch.keep is None else row[batch.keep[0]]).tolist()
        encodes = model.encoder is not None
        self.said = [start] if encodes else ids
        self.reader = Reader(model, batch)
        self._filters, self._before, self._device = filters, len(self.said), row.device
        seed = choice.seed if isinstance(choice, Sample) else 0
        dice = torch.Generator().manual_seed(seed ^ OTHER)               # not those of the plain draws, which take turns with them
        self.written = Written(batch, ids if encodes else None, choice, self.reader.vocab, dice, self._filtered)

    def read(self, guess: Guess) -> Float[Tensor, "n v"]:
        """Scores of what follows the text, and each of the guessed tokens."""
        self.reader.forget(len(self.said) - 1)
        return self.reader.scores([*self.said, *guess.tokens], 1 + len(guess.tokens))

    def follow(self, search: Search, index: int) -> int | None:
        """Go on with the token that was chosen -> it; None where the filters left none."""
        chosen = (search.trails or search.done[0])[0].tokens
        if len(chosen) < index:
            return None
        self.said.append(chosen[-1])
        return chosen[-1]

    def _filtered(self, scores: Float[Tensor, "1 v"], said: Sequence[int]) -> Float[Tensor, "1 v"]:
        if not self._filters:
            return scores
        row = torch.tensor([list(said)], device=self._device)
        for each in self._filters:
            scores = each(scores, row, len(said) - self._before)
        return scores


class _Judge:
    """Chooses each token: as the plain choice would, or, where the guess was drawn, by whether that draw may stand."""

    def __init__(self, choice: Greedy | Sample, dice: torch.Generator):
        self._choice, self._dice = choice, dice
        self._guess, self._at = Guess(), 0

    def begin(self, choice: Greedy | Sample, ending: Ending) -> Search:
        """A search of one trail that chooses in this way."""
        plain = choice.begin(1, ending)
        if not isinstance(choice, Sample) or not isinstance(plain, SingleSearch) or (draw := plain.pick) is None:
            return plain

        def pick(scores: Tensor, trails: list[Trail]) -> Tensor:
            if not self._guess.chances:
                return draw(scores, trails)
            chances = choice.narrowed(scores).softmax(-1)[0].cpu()
            return torch.tensor([self._drawn(chances)])

        return SingleSearch(1, 1, ending, pick)

    def judge(self, guess: Guess, at: int) -> None:
        """Say which guess is next."""
        self._guess, self._at = guess, at

    def _drawn(self, chances: Float[Tensor, " v"]) -> int:
        guess, i = self._guess, self._at
        if i == len(guess.tokens):                           # all guesses stood: one more token for nothing
            return int(torch.multinomial(chances, 1, generator=self._dice))
        return stand_or_draw(guess.tokens[i], guess.chances[i], chances, self._dice)


def stand_or_draw(token: int, guessed: Float[Tensor, " v"], wanted: Float[Tensor, " v"], dice: torch.Generator) -> int:
    """A token drawn from chances `guessed` -> itself or another, so that it is as if drawn from `wanted`.

    It stands with probability min(1, wanted / guessed); else one is drawn from what is wanted beyond what was guessed
    (Leviathan et al. 2023, section 2.3 and appendix A.1).
    """
    if torch.rand((), generator=dice) * guessed[token] < wanted[token]:
        return token
    beyond = (wanted - guessed).clamp(min=0)
    return int(torch.multinomial(beyond if beyond.any() else wanted, 1, generator=dice))


def _single(choice: Choice) -> Greedy | Sample:
    """A choice of one trail; a beam of one is greedy."""
    match choice:
        case Greedy():
            return choice
        case Sample(nbest=1):
            return choice
        case Sample():
            raise RecipeError(f"tokens are drafted for one answer: got nbest={choice.nbest}.", "Leave out nbest, or the draft.")
        case _ if max(choice.width, choice.nbest) == 1:
            return Greedy(length_penalty=choice.length_penalty)
    wide = max(choice.width, choice.nbest)
    raise RecipeError(f"tokens are drafted for one trail: got a beam of {wide}.", "Give beam=1, or leave the draft out.")
