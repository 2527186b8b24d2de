"""Writing: what every task that lets a model write text has in common; how its folder asks for it, and what a caller changes."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from ...decode import (
    Beam,
    Choice,
    Draft,
    Ending,
    Engine,
    Filter,
    Forced,
    Greedy,
    Hypothesis,
    MinLength,
    NeverInARow,
    NoRepeat,
    RepetitionPenalty,
    Sample,
    Step,
    Suppress,
    SuppressFirst,
    speculate,
    stream,
)
from ...decode.choices import Penalty
from ...errors import InputError, RecipeError, TaskError
from ...hub import Opened
from ...inputs import pad
from ...manifest import Generation, Use
from ...values import value
from ..result import Columns
from .generated import Chosen

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]


@value
class Writing:
    """How to write; None means what the model's folder says.

    `beam`: partial answers kept (1 is greedy). `nbest`: answers given back, at most `beam`. `max_length` and `min_length`: tokens of
    an answer; one that is cut off says `complete=False`. `no_repeat`: the length of runs that are not said twice. `until`: when a
    search may end, see decode.Beam. `sample` draws instead of searching. `batch`: rows at once.
    """

    beam: Count | None = None
    nbest: Count = 1
    length_penalty: Penalty | None = None
    max_length: Count | None = None
    min_length: Natural | None = None
    no_repeat: Natural | None = None
    repetition_penalty: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    until: Literal["likely", "full", "certain"] | None = None
    sample: Sample | None = None
    batch: Count = 32

    @property
    def columns(self) -> Columns:
        """What a table gets of an answer."""
        return {"": list[str] if self.nbest > 1 else str}

    def __post_init__(self) -> None:
        if self.sample is not None and self.beam is not None:
            raise RecipeError("a beam searches and a sample draws: got both.", "Give a beam, or a temperature.")
        if self.sample is not None and self.length_penalty is not None:
            raise RecipeError("a sample is not searched for, so no length is rewarded: got length_penalty as well.", "Leave one out.")
        if self.beam is not None and self.nbest > self.beam:
            raise RecipeError(f"nbest={self.nbest} needs a beam at least as wide: got beam={self.beam}.", f"Use beam={self.nbest}.")


class Writer:
    """One model that writes, in one use that its folder knows of. `prefix`: what a source begins with in that use."""

    def __init__(self, opened: Opened, use: str):
        m = opened.manifest
        found = m.uses.get(use, Use(generation=m.generation))
        self.opened, self.prefix, self.generation = opened, found.prefix, found.generation
        self._engine: Engine | None = None

    @contextmanager
    def together(self, *, slots: int = 8192, rows: int = 32) -> Iterator[Engine]:
        """While this is open, single texts that any threads let it write share the steps of an engine (see decode.Engine).

        Raises TaskError for a model with an encoder, or where one is open already.
        """
        if self._engine is not None:
            raise TaskError("this task has an engine running already: got another start.", "Use the one that runs.")
        with Engine(self.opened.model, slots=slots, rows=rows) as engine:
            self._engine = engine
            try:
                yield engine
            finally:
                self._engine = None

    def choice(self, options: Writing) -> Choice:
        """How tokens are chosen: as asked, or else as the folder says."""
        g = self.generation
        if options.sample is not None:
            return replace(options.sample, nbest=max(options.nbest, options.sample.nbest))
        if g.sample and options.beam is None and options.length_penalty is None:
            return replace(self.sample(), nbest=options.nbest)
        penalty = g.length_penalty if options.length_penalty is None else options.length_penalty
        width, until = options.beam or max(g.beam, options.nbest), options.until or g.until
        if width == 1 and self.asked(options).repetition_penalty != 1.0:     # it divides a greedy search's scores, but a beam's logarithms
            return Greedy(length_penalty=penalty)
        return Beam(width=width, length_penalty=penalty, nbest=options.nbest, until=until)

    def sample(self) -> Sample:
        """How the folder says that tokens are drawn."""
        g = self.generation
        return Sample(temperature=g.temperature, top_k=g.top_k, top_p=g.top_p)

    def longest(self, prompt: int, options: Writing) -> int:
        """How many tokens an answer may have after a prompt of so many, which is 0 where the prompt has an encoder of its own.

        Raises InputError for a prompt that leaves no room, with the numbers.
        """
        wanted, decoder = options.max_length or self.generation.max_length, self.opened.manifest.spec.decoder
        room = (decoder.room if decoder else None) or sys.maxsize
        room = min(room, self.generation.max_source) if prompt else room
        if prompt > room:
            m = self.opened.manifest
            raise InputError(f"a prompt has {prompt:,} tokens; {m.name} has room for {room:,}, with the answer.", "Give a shorter one.")
        return min(wanted, room - prompt + (prompt > 0))                # the last token that is written is not read

    @property
    def most_source(self) -> int:
        """How many tokens a source may have."""
        most, encoder = self.generation.max_source, self.opened.manifest.spec.encoder
        return min(most, (encoder.room if encoder else None) or most)

    def steps(
        self, rows: Sequence[Sequence[int]], options: Writing, ending: Ending, *, first: int | None = None, draft: Draft | None = None
    ) -> Iterator[Step]:
        """Write after each row of ids; `first`: the token that an answer must begin with; `draft`: what guesses ahead, for one row."""
        o, g = self.opened, self.asked(options)
        g = g if first is None else replace(g, first=first)
        side = "left" if o.model.encoder is None else "right"
        source = pad(rows, filler=g.pad, side=side).to(o.device)
        choice, start, filters = self.choice(options), g.start or 0, rules(g, ending)
        if self._engine is not None and len(rows) == 1 and draft is None:
            return self._engine.submit(rows[0], choice, ending=ending, filters=filters).steps()
        if draft is not None:
            return speculate(o.model, source, choice, ending=ending, draft=draft, start=start, filters=filters)
        return stream(o.model, source, choice, ending=ending, start=start, filters=filters)

    def asked(self, options: Writing) -> Generation:
        """The folder's settings with what was asked for in their place."""
        g = self.generation
        return replace(
            g,
            min_length=g.min_length if options.min_length is None else options.min_length,
            no_repeat=g.no_repeat if options.no_repeat is None else options.no_repeat,
            repetition_penalty=g.repetition_penalty if options.repetition_penalty is None else options.repetition_penalty,
        )

    def ending(self, longest: int, stop: Sequence[str] = (), text: Callable[[Sequence[int]], str] | None = None) -> Ending:
        """When an answer is whole. `text`: how its tokens are spelled, which a `stop` is found by."""
        return Ending(frozenset(self.generation.end), longest, tuple(stop), text)

    def best(self, found: Sequence[Hypothesis], options: Writing, text: Callable[[Hypothesis], str]) -> list[Hypothesis]:
        """The best answers, best first, each text once: pieces may spell one text in several ways.

        An answer to a source goes before one that was cut off; a text that goes on may do so for ever.
        """
        answers = self.opened.model.encoder is not None
        best: dict[str, Hypothesis] = {}
        for hypothesis in sorted(found, key=lambda h: (answers and not h.ended, -h.score)):
            best.setdefault(text(hypothesis), hypothesis)
        return list(best.values())[: self.choice(options).nbest]

    def said(self, hypothesis: Hypothesis) -> tuple[int, ...]:
        """Its tokens without the end mark."""
        return hypothesis.tokens[:-1] if hypothesis.ended and hypothesis.tokens[-1] in self.generation.end else hypothesis.tokens

    def chosen(self, hypothesis: Hypothesis) -> tuple[Chosen, ...]:
        """The steps of an answer."""
        piece = self.opened.text.piece
        return tuple(Chosen(piece(token), math.exp(logprob)) for token, logprob in zip(hypothesis.tokens, hypothesis.logprobs, strict=True))


def rules(g: Generation, ending: Ending) -> list[Filter]:
    """The filters of a model's own settings, in the order in which they hold: the last word is had by what is forced."""
    found: list[Filter] = []
    if g.repetition_penalty != 1.0:
        found.append(RepetitionPenalty(penalty=g.repetition_penalty))
    if g.no_repeat:
        found.append(NoRepeat(size=g.no_repeat))
    if single := tuple(run[0] for run in g.never if len(run) == 1):
        found.append(Suppress(tokens=single))
    if longer := tuple(run for run in g.never if len(run) > 1):
        found.append(NeverInARow(runs=longer))
    if g.min_length:
        found.append(MinLength(length=min(g.min_length, ending.max_length), end=g.end))
    if g.never_first:
        found.append(SuppressFirst(tokens=g.never_first))
    forced = [] if g.first is None else [(0, g.first)]
    forced += [] if g.last is None or ending.max_length < 2 else [(ending.max_length - 1, g.last)]
    return [*found, Forced(at=tuple(forced))] if forced else found
