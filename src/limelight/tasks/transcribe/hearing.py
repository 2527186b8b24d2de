"""Hearing: stretches of sound in, what a model wrote of each, with when each token was heard."""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...decode import Beam, Choice, Ending, Filter, Greedy, Hypothesis, Sample, Timestamps, stream
from ...errors import InputError, TaskError, did_you_mean
from ...hub import Opened
from ...inputs.sounds import frames
from ...look import Trace, trace
from ...look.timing import Timing, timed
from ...manifest import Speech
from ...nn import Memory
from ..writing.writer import Writer, rules
from .options import TranscribeOptions

BUDGET = 1 << 30                         # of what is kept to look at
WARMER = (0.2, 0.4, 0.6, 0.8, 1.0)       # temperatures to try again at (Radford et al. 2022, section 4.5)
LEAST_LIKELY, MOST_ALIKE = -1.0, 2.4     # what makes an answer bad: its mean log-probability, and how well its text packs
SILENT = 0.6
NO_TOKEN = 1 << 40


class Written(NamedTuple):
    """An answer, when its tokens were heard, and the temperature that it was drawn at, 0 where it was searched for."""

    best: Hypothesis
    timing: Timing | None
    temperature: float


@dataclass(frozen=True, eq=False)
class Heard:
    """What was written of a stretch. `tokens`: without the end mark; `timing`: when each was heard, None where not asked for, with one
    more for the end mark where the answer came to it (`whole`); `silent`: whether the model holds that nothing was said; `temperature`:
    that it was drawn at, 0 where it was searched for; `chance`: of the language, where it was found out."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    timing: Timing | None
    whole: bool
    silent: bool
    temperature: float
    language: str
    chance: float | None = None


class Ear:
    """One model that hears, told what to write. `timed`: whether it says when. Raises InputError for a language that it does not know, and
    TaskError for a translation that it cannot give, or for one that cannot be told what was said before."""

    def __init__(self, opened: Opened, options: TranscribeOptions):
        self.opened, self.options = opened, options
        self.writer, self.speech = Writer(opened, "transcribe"), opened.manifest.speech or Speech()
        self.timed = options.times and self.speech.untimed is not None
        self._task = "translate" if options.translate else "transcribe"
        self._check()

    def _check(self) -> None:
        languages, told, name = self.speech.languages, self.options.language, self.opened.manifest.name
        if told is not None and told not in languages:
            hint = did_you_mean(told, languages) if languages else "It knows but one: leave the language out."
            raise InputError(f"{name} is told no language {told!r:.40}.", hint)
        if self.options.translate and "translate" not in self.speech.tasks:
            raise TaskError(f"{name} does not translate what it hears.", "Use one that does, or leave translate out.")
        if self.options.follow and self.speech.previous is None:
            raise TaskError(f"{name} cannot be told what was said before.", "Leave follow out.")

    @property
    def begin(self) -> int:
        """The first token that is a time; beyond all tokens where none are asked for."""
        return self.words_below if self.timed else NO_TOKEN

    @property
    def words_below(self) -> int:
        """Tokens from here on are times, asked for or not."""
        return NO_TOKEN if self.speech.untimed is None else self.speech.untimed + 1

    @property
    def step(self) -> float:
        """Seconds between two times, and between two vectors of the encoder."""
        s = self.opened.sounds
        return 2 * s.hop / s.rate

    # --- listening --------------------------------------------------------------------------------------------------
    def hear(self, sounds: Sequence[np.ndarray], languages: Sequence[str], before: Sequence[Sequence[int]] = ()) -> list[Heard]:
        """Stretches -> what was written of each. `languages`: "" is to be found out; `before`: the tokens of what was said before each."""
        model = self.opened.model
        with torch.inference_mode():
            memory = model.encode(frames(sounds, self.opened.sounds).to(self.opened.device))
            first = self._first(memory, languages)
            found = [self._language(row, told) for row, told in zip(first, languages, strict=True)]
            prompts = [self._prompt(language) for language, _ in found]
        prompts = [[*self._told(said), *prompt] for said, prompt in zip(before or [()] * len(prompts), prompts, strict=True)]
        unheard = [self._unheard(row) for row in first]
        lengths = [math.ceil(len(each) / self.opened.sounds.rate / self.step) for each in sounds]
        written = self._written(memory, prompts, lengths, unheard)
        return [
            Heard(said := self.writer.said(w.best), w.best.logprobs[: len(said)], w.timing, w.best.ended, quiet, w.temperature, *language)
            for w, language, nothing in zip(written, found, unheard, strict=True)
            for quiet in (nothing and _unlikely(w.best),)
        ]

    def _first(self, memory: Memory, languages: Sequence[str]) -> list[Tensor | None]:
        """The chances of what comes after the start alone: a language, or that nothing is said; None where nobody asks."""
        if self.speech.silence is None and (not self.speech.languages or all(languages)):
            return [None] * len(languages)
        start = torch.full((len(memory), 1), self.writer.generation.start or 0, device=memory.hidden.device)
        model = self.opened.model
        return list(model.logits(model.decode(start, memory=memory)[:, -1]).float())

    def _language(self, scores: Tensor | None, told: str) -> tuple[str, float | None]:
        """As told, or the likeliest, with its chance among all."""
        known = self.speech.languages
        if told or not known or scores is None:
            return told, None
        chances = scores[torch.tensor(list(known.values()), device=scores.device)].softmax(0)
        best = int(chances.argmax())
        return list(known)[best], float(chances[best])

    def _unheard(self, scores: Tensor | None) -> bool:
        """Whether the model begins by holding that nothing is said."""
        silence = self.speech.silence
        return scores is not None and silence is not None and float(scores.softmax(0)[silence]) > SILENT

    def _prompt(self, language: str) -> list[int]:
        s = self.speech
        out = [self.writer.generation.start or 0]
        if s.languages:
            out += [s.languages[language], *(s.tasks[name] for name in (self._task,) if name in s.tasks)]
        return out if self.timed or s.untimed is None else [*out, s.untimed]

    def _told(self, said: Sequence[int]) -> list[int]:
        """What was said before, as the prompt begins: of its end as much as half of the decoder's room holds (as whisper's decoding.py)."""
        decoder, mark = self.opened.manifest.spec.decoder, self.speech.previous
        room = (decoder.room if decoder else None) or 2 * len(said) + 2
        return [mark, *said[-(room // 2 - 1) :]] if said and mark is not None and room > 3 else []

    # --- writing ----------------------------------------------------------------------------------------------------
    def _written(self, memory: Memory, prompts: list[list[int]], lengths: list[int], unheard: list[bool]) -> list[Written]:
        """An answer to each row of memory, written again at higher temperatures where it is bad, but not where an unlikely one only
        says that nothing was said."""
        out: dict[int, Written] = {}
        left, choice = list(range(len(prompts))), self._choice()
        for temperature in (0.0, *(WARMER if self.options.retry and not isinstance(choice, Sample) else ())):
            how = Sample(temperature=temperature) if temperature else choice
            for rows in self._together(left, [len(each) for each in prompts]):
                picked = memory.select(torch.tensor(rows, device=memory.hidden.device))
                starts = torch.tensor([prompts[row] for row in rows])
                found = self._answers(picked, starts, how, [lengths[row] for row in rows])
                out |= {row: Written(best, timing, temperature) for row, (best, timing) in zip(rows, found, strict=True)}
            left = [row for row in left if self._bad(out[row].best, nothing=unheard[row])]
            if not left:
                break
        return [out[row] for row in range(len(prompts))]

    def _choice(self) -> Choice:
        """A beam of one is a greedy search: it weighs a token among those that may come, which answers are judged by; a beam among all."""
        choice = self.writer.choice(self.options)
        return Greedy() if isinstance(choice, Beam) and max(choice.width, choice.nbest) == 1 else choice

    def _bad(self, best: Hypothesis, *, nothing: bool) -> bool:
        if _unlikely(best):
            return not nothing
        text = self.opened.text.decode([token for token in self.writer.said(best) if token < self.words_below]).strip().encode()
        return bool(text) and len(text) / len(zlib.compress(text)) > MOST_ALIKE

    def _answers(self, memory: Memory, starts: Tensor, choice: Choice, lengths: list[int]) -> list[tuple[Hypothesis, Timing | None]]:
        decoder = self.opened.manifest.spec.decoder
        room = (decoder.room if decoder else None) or math.inf
        asked = self.writer.asked(self.options)
        longest = int(max(1, min(self.options.max_length or asked.max_length, room - starts.shape[1])))
        ending = self.writer.ending(longest)
        watching = self._watching()
        looking: AbstractContextManager[object] = nullcontext() if watching is None else watching
        done: list[list[Hypothesis]] = []
        with looking:
            for step in stream(self.opened.model, memory, choice, ending=ending, start=starts, filters=self._rules(asked.end, ending)):
                done = step.done
        best = [self.writer.best(found, replace(self.options, nbest=1), lambda h: str(h.tokens))[0] for found in done]
        if watching is None:
            return [(each, None) for each in best]
        return [(each, self._timed(watching, each, starts.shape[1], keys)) for each, keys in zip(best, lengths, strict=True)]

    def _rules(self, end: Sequence[int], ending: Ending) -> list[Filter]:
        found, s = rules(self.writer.asked(self.options), ending), self.speech
        return [*found, Timestamps(begin=self.begin, end=min(end), never=s.untimed, latest=s.latest)] if self.timed else found

    # --- looking ----------------------------------------------------------------------------------------------------
    @property
    def _heads(self) -> dict[int, list[int]]:
        """The heads that align, by layer: those that are known, or else all of the upper half (as whisper does)."""
        decoder, found = self.opened.manifest.spec.decoder, defaultdict[int, list[int]](list)
        depth = decoder.depth if decoder else 0
        for layer, head in self.speech.heads:
            found[layer].append(head)
        attentions = self.opened.model.attentions()
        return dict(found) or {layer: list(range(attentions[_name(layer)].heads)) for layer in range(depth // 2, depth)}

    def _watching(self) -> Trace | None:
        return trace(self.opened.model, layers=[_name(layer) for layer in self._heads], budget=BUDGET) if self.options.words else None

    def _together(self, rows: Sequence[int], prompts: Sequence[int]) -> Iterator[list[int]]:
        """Which rows are written at once: those whose prompts are of one length, and where they are watched, no more than the trace can
        hold. It keeps the keys and values of a batch once more each time that a row of it is done, which of n rows makes n(n+1)/2."""
        spec, s = self.opened.manifest.spec, self.opened.sounds
        row = 2 * len(self._heads) * (s.frames // 2) * spec.dim * 4
        size = max(1, math.isqrt(BUDGET // max(1, row))) if self.options.words else len(rows)
        for length in sorted({prompts[row] for row in rows}):
            alike = [row for row in rows if prompts[row] == length]
            yield from (alike[a : a + size] for a in range(0, len(alike), size))

    def _timed(self, seen: Trace, best: Hypothesis, prompt: int, keys: int) -> Timing:
        """When each token was heard: by the step that chose it, over the part of the stretch that is no filling."""
        views = ((seen[_name(layer)], heads) for layer, heads in self._heads.items())
        return timed(view.weights(heads=heads, path=best.rows)[0, :, prompt - 1 :, : max(1, keys)] for view, heads in views)


def _name(layer: int) -> str:
    return f"decoder.{layer}.cross"


def _unlikely(best: Hypothesis) -> bool:
    return sum(best.logprobs) / max(1, len(best.logprobs)) < LEAST_LIKELY
