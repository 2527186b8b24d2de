"""Scribe: parts of texts in, what a model wrote for each out, in batches of like length or as a stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from ...decode import Draft, Ending, Hypothesis, Sample, Step, Tally, Typist
from ...errors import InputError, RecipeError
from ...inputs import Encoded
from ...look.align import Alignment
from ...look.picture import Picture, Subwords
from ..asking import in_batches
from ..result import Cost
from .generated import Candidate, Generated
from .watching import Watcher
from .writer import Writer, Writing


@dataclass(frozen=True, eq=False)
class Part:
    """What a model writes one answer to. `text` and `place`: which text it is of, and where in it; `ids`: what the model is given;
    `gap`: the white space that followed; `longest`: tokens of its answer at most; `source`: its characters, where they are looked at."""

    text: int
    place: int
    ids: tuple[int, ...]
    longest: int
    gap: str = ""
    source: Encoded | None = None


@dataclass(frozen=True, eq=False)
class Sight:
    """What was looked at while an answer was written, word by word and piece by piece."""

    alignment: Alignment
    subwords: Subwords


@dataclass(frozen=True, eq=False)
class Answer:
    """What was written for a part, best first. `tally`: how drafting went, where tokens were drafted."""

    part: Part
    hypotheses: list[Hypothesis]
    seconds: float
    sight: Sight | None = None
    tally: Tally | None = None


@runtime_checkable
class Looker(Protocol):
    """Makes a sight of what one attention did."""

    @property
    def attention(self) -> str:
        """Its name."""
        ...

    @property
    def normed(self) -> bool:
        """Whether it wants to know how much each key brings."""
        ...

    def see(self, part: Part, best: Hypothesis, weights: Float[Tensor, "h q k"], norms: Float[Tensor, "h k"] | None) -> Sight:
        """The weights of all heads over the steps of the best answer, and what each key brings, without the batch's padding."""
        ...


Spell = Callable[[Part, Sequence[int]], str]


class Scribe:
    """One call of a task that writes. `spell`: tokens of an answer -> its text; `first`: the token that answers must begin with;
    `stop`: texts that end an answer, and are not part of it; `draft`: what guesses ahead, one answer at a time."""

    def __init__(
        self,
        writer: Writer,
        options: Writing,
        *,
        spell: Spell | None = None,
        looker: Looker | None = None,
        first: int | None = None,
        stop: Sequence[str] = (),
        draft: Draft | None = None,
    ):
        self.writer, self.options = writer, options
        self._looker, self._first, self._stop, self._draft = looker, first, tuple(stop), draft
        self._spell = spell or self._plainly

    # --- writing ----------------------------------------------------------------------------------------------------
    def all(self, parts: Sequence[Part]) -> list[Answer]:
        """Answers in the order of the parts; those of like length are written together."""
        found: dict[int, Answer] = {}
        for batch in self._batches(parts):
            rows = [parts[place] for place in batch]
            watcher, done, tally = self._watcher(), list[list[Hypothesis]](), None
            for step in watcher.steps(self._steps(rows)):
                done, tally = step.done, step.tally
            share = watcher.seconds / len(rows)
            found |= {p: replace(self._answer(r, f, watcher, share), tally=tally) for p, r, f in zip(batch, rows, done, strict=True)}
        return [found[place] for place in range(len(parts))]

    def check_stream(self, given: object) -> str:
        """The text that is to be answered. Raises InputError for what is no single text, and RecipeError for several drawn answers:
        which of them is the best is known only when all are there."""
        choice = self.writer.choice(self.options)
        if isinstance(choice, Sample) and choice.nbest > 1:
            raise RecipeError("a stream shows one drawn answer: got nbest above 1.", "Leave out nbest, or do not stream.")
        if not isinstance(given, str):
            raise InputError(f"a stream takes one text: got {type(given).__name__}.", "Stream several texts one after the other.")
        return given

    def stream(self, parts: Sequence[Part]) -> Iterator[str | Answer]:
        """Text of one answer after the other as soon as nothing can change it, and each answer when it is whole.

        The texts together are the joined text of the answers.
        """
        gap, begun, text = "", False, self.writer.opened.text
        for part in parts:
            hold = (*self._stop, *text.unsettled)
            typist = Typist(lambda ids, part=part: self.text(part, ids), text.begins_word, hold=hold)
            watcher, done, tally = self._watcher(), list[list[Hypothesis]](), None
            for step in watcher.steps(self._steps([part])):
                done, tally = step.done, step.tally
                if shown := typist.more(step.fixed(0)):
                    yield gap + shown
                    gap, begun = "", True
            answer = replace(self._answer(part, done[0], watcher, watcher.seconds), tally=tally)
            if shown := typist.more(self.writer.said(answer.hypotheses[0]), last=True):
                yield gap + shown
                begun = True
            gap = part.gap if begun else ""
            yield answer

    def streamed(self, parts: Sequence[Part], whole: Callable[[list[Answer]], Generated]) -> Iterator[str | Generated]:
        """The texts of `stream`, and at the end what `whole` makes of all answers."""
        answers: list[Answer] = []
        for piece in self.stream(parts):
            if isinstance(piece, Answer):
                answers.append(piece)
            else:
                yield piece
        yield whole(answers)

    def text(self, part: Part, ids: Sequence[int]) -> str:
        """The text of an answer's tokens."""
        return self._ending(part).cut(self._spell(part, ids))

    def _batches(self, parts: Sequence[Part]) -> Iterator[list[int]]:
        """Answers of a batch may all be as long."""
        alike: dict[int, list[int]] = defaultdict(list)
        for place, part in enumerate(parts):
            alike[part.longest].append(place)
        for places in alike.values():
            for batch in in_batches([len(parts[place].ids) for place in places], self.options.batch if self._draft is None else 1):
                yield [places[n] for n in batch]

    def _steps(self, rows: Sequence[Part]) -> Iterator[Step]:
        return self.writer.steps([row.ids for row in rows], self.options, self._ending(rows[0]), first=self._first, draft=self._draft)

    def _ending(self, part: Part) -> Ending:
        """A stop text is found in what is shown, spelled in the same way; how does not depend on which part of a batch it is."""
        return self.writer.ending(part.longest, self._stop, lambda ids: self._spell(part, ids))

    def _watcher(self) -> Watcher:
        return Watcher(self.writer.opened.model, None if self._looker is None else self._looker.attention)

    def _answer(self, part: Part, found: Sequence[Hypothesis], watcher: Watcher, seconds: float) -> Answer:
        best = self.writer.best(found, self.options, lambda h: self.text(part, self.writer.said(h)))
        if self._looker is None:
            return Answer(part, best, seconds)
        rows, keys = best[0].rows, len(part.ids)
        norms = watcher.norms(rows)[:, :keys] if self._looker.normed else None
        return Answer(part, best, seconds, self._looker.see(part, best[0], watcher.weights(rows)[:, :, :keys], norms))

    def _plainly(self, part: Part, ids: Sequence[int]) -> str:
        del part
        return self.writer.opened.text.decode(ids).strip(" ")

    # --- results ----------------------------------------------------------------------------------------------------
    def result(
        self, task: str, source: str, answers: Sequence[Answer], *, keys: dict[str, str], pictures: Sequence[Picture] = ()
    ) -> Generated:
        """The answers to the parts of one text as one result."""
        best = [a.hypotheses[0] for a in answers]
        count = max((len(a.hypotheses) for a in answers), default=0)
        tallies = [a.tally for a in answers if a.tally is not None]
        return Generated(
            task=task,
            model=self.writer.opened.manifest.name,
            precision=self.writer.opened.precision,
            source=source,
            text=self._joined(answers, 0),
            nbest=tuple(Candidate(self._joined(answers, n), sum(_nth(a, n).score for a in answers)) for n in range(count)),
            complete=all(h.ended for h in best),
            steps=tuple(step for h in best for step in self.writer.chosen(h)),
            cost=Cost(sum((a.seconds for a in answers), 0.0), sum(len(a.part.ids) for a in answers), sum(len(h.tokens) for h in best)),
            several=self.writer.choice(self.options).nbest > 1,
            parts=len(answers),
            alignments=tuple(a.sight.alignment for a in answers if a.sight is not None),
            pictures=tuple(pictures),
            keys=keys,
            drafts=sum(tallies, Tally()) if tallies else None,
        )

    def _joined(self, answers: Sequence[Answer], n: int) -> str:
        """The n-th best answer to each part, with the white space that stood between them."""
        text = gap = ""
        for answer in answers:
            if more := self.text(answer.part, self.writer.said(_nth(answer, n))):
                text += gap + more
            gap = answer.part.gap if text else ""
        return text


def by_text(answers: Sequence[Answer], texts: int) -> list[list[Answer]]:
    """The answers of each text, in the order of their places."""
    found: list[list[Answer]] = [[] for _ in range(texts)]
    for answer in sorted(answers, key=lambda a: a.part.place):
        found[answer.part.text].append(answer)
    return found


def _nth(answer: Answer, n: int) -> Hypothesis:
    return answer.hypotheses[min(n, len(answer.hypotheses) - 1)]
