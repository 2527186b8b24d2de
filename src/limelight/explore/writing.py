"""Writing: the answer that is looked at, written as the tasks write it, or given."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..decode import Beam, Hypothesis
from ..errors import TaskError
from ..inputs import Encoded
from ..tasks.writing.writer import rules
from .beams import Growing
from .scene import Node
from .subject import Subject


@dataclass(frozen=True, eq=False)
class Written:
    """An answer. `logprobs`: what its steps said of each token, None of one that was given; `longest`: how many it could have had; `beams`:
    the tree, where there was one."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...] | None = None
    seconds: float = 0.0
    longest: int = 1
    beams: tuple[Node, ...] | None = None


def write(subject: Subject, encoded: Encoded) -> Written:
    """The answer of the options, followed step by step. Raises InputError for a prompt that leaves no room for one, and TaskError where the
    model says nothing."""
    writer, options, text = subject.writer, subject.options, subject.opened.text
    if writer is None:
        raise TaskError(f"{subject.opened.manifest.name} writes nothing.")
    longest = writer.longest(len(encoded.ids) if subject.manner == "goes on" else 0, options)
    growing, done, began = Growing(), list[Hypothesis](), time.perf_counter()
    several = isinstance(choice := writer.choice(options), Beam) and choice.width > 1
    for step in writer.steps([encoded.ids], options, writer.ending(longest), first=subject.pair.first):
        done = step.done[0]
        if several:
            growing.note(step)
    best = writer.best(done, options, lambda h: text.decode(writer.said(h)))[0]
    if not best.tokens:
        raise TaskError(f"{subject.opened.manifest.name} says nothing to this.", "Give it an answer to look at.")
    seconds = time.perf_counter() - began
    return Written(best.tokens, best.logprobs, seconds, longest, growing.tree(best, text.piece) if several else None)


def read_of(subject: Subject, encoded: Encoded, tokens: tuple[int, ...]) -> tuple[int, ...]:
    """The tokens of an answer that the decoder reads: all but an end mark, as many as it has positions for."""
    writer, decoder = subject.writer, subject.opened.manifest.spec.decoder
    ended = writer is not None and tokens[-1] in writer.generation.end
    read = tokens[:-1] if ended else tokens
    room = decoder.room if decoder else None
    before = len(encoded.ids) if subject.manner == "goes on" else 1
    return read if room is None else read[: max(0, room - before)]


def difference(subject: Subject, encoded: Encoded, written: Written, logits: Float[Tensor, "n v"], first: int) -> float:
    """The largest difference between what the steps from `first` on said of their tokens and what one pass over all of them says, in nats.

    `logits`: of the pass, a row a step. The rules of the model's folder hold for both. 0 for an answer that nobody wrote.
    """
    writer, worst = subject.writer, 0.0
    if written.logprobs is None or writer is None:
        return worst
    g, choice = writer.asked(subject.options), writer.choice(subject.options)
    g = g if subject.pair.first is None else replace(g, first=subject.pair.first)
    filters = rules(g, writer.ending(written.longest))
    before = encoded.ids if subject.manner == "goes on" else (subject.start,)
    said = torch.tensor([[*before, *written.tokens]], device=logits.device)
    for i, row in enumerate(logits.float(), first):
        scores = row[None].log_softmax(-1) if choice.logs else row[None]
        for each in filters:
            scores = each(scores, said[:, : len(before) + i], i)
        scores = scores if choice.logs else scores.log_softmax(-1)
        worst = max(worst, abs(float(scores[0, written.tokens[i]]) - written.logprobs[i]))
    return worst
