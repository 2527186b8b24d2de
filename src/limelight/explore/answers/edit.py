"""Edit: what a model says and where it looks with heads switched off, words masked or others in their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...errors import InputError
from ...inputs import Encoded
from ...look.names import head_number
from ...tasks.reading.places import tokens_of
from ...values import shortened
from ..passing import Heads, passed
from ..query import Query
from ..reading import Reading, read
from ..subject import Subject, swapped, without
from ..writing import Written, read_of

MOST_LETTERS = 10_000


def edited(query: Query) -> Reading:
    """The same question with something changed. Raises InputError and TraceError for words and heads that are not there."""
    reading = query.reading
    silent, mask, swap = _heads(query), _words(query), _others(query)
    if both := sorted(set(mask) & set(swap)):
        raise InputError(f"word {both[0]} is masked and swapped.", "Do one of them.")
    encoded = _encoded(reading, mask, swap)
    answer = reading.written.tokens if reading.written is not None and reading.subject.asked.to is not None else None
    return read(reading.subject, encoded, answer=answer, silent=silent)


def compared(before: Reading, after: Reading) -> dict[str, Any]:
    """What was said before, what is said after, and how likely the former answer still is. `tokens_changed`: the steps that chose another
    token than before."""
    old, new = score_of(before, before), score_of(before, after)
    changed = [i for i, step in enumerate(after.steps) if i >= len(before.steps) or before.steps[i].id != step.id]
    return {
        "before": _said(before, old),
        "after": _said(after, score_of(after, after)),
        "score_of_before": new,
        "change": new - old,
        "tokens_changed": changed,
    }


def _said(reading: Reading, logp: float) -> dict[str, Any]:
    if reading.written is None:
        choice = reading.choice
        told = [] if choice is None else [[label, p] for label, p in choice.candidates]
        return {"text": "" if choice is None else choice.label, "logp": logp, "candidates": told}
    return {"text": answer_text(reading), "logp": logp, "candidates": []}


def answer_text(reading: Reading) -> str:
    """What was written, as text."""
    if reading.written is None:
        return ""
    if reading.subject.manner == "goes on":
        return reading.opened.text.after(reading.encoded.ids, reading.written.tokens)
    return reading.opened.text.decode(reading.written.tokens).strip(" ")


@torch.inference_mode()
def score_of(answered: Reading, given: Reading) -> float:
    """The log-probability of one reading's answer, given the other's text and heads; of a label or a guess where nothing is written.

    0 where nothing is said at all.
    """
    if answered.written is None:
        return _odds(answered, given)
    if answered is given:
        found, first = given.passed, given.steps[0].at
        encoded = given.encoded
    else:
        encoded, subject = given.encoded, given.subject
        found = passed(subject, encoded, read_of(subject, encoded, answered.written.tokens), given.silent)
        first = len(encoded.ids) - 1 if subject.manner == "goes on" else 0
    return _likelihood(given.subject, found.hidden[0, first:], answered.written)


def _likelihood(subject: Subject, hidden: torch.Tensor, written: Written) -> float:
    total, tokens = 0.0, written.tokens
    for start in range(0, len(tokens), 64):
        some = torch.tensor(tokens[start : start + 64], device=hidden.device)[:, None]
        logits = subject.opened.model.logits(hidden[start : start + len(some)]).float()
        total += float(logits.log_softmax(-1).gather(1, some).sum())
    return total


def _odds(answered: Reading, given: Reading) -> float:
    """The logarithm of what is said of the former choice now."""
    if answered.choice is None or given.choice is None or answered.choice.p is None:
        return 0.0
    now = dict(given.choice.candidates).get(answered.choice.label, 0.0)
    return float(torch.tensor(max(now, 1e-12), dtype=torch.float64).log())


def _heads(query: Query) -> Heads:
    """{"decoder.3.cross": [1, 2]}."""
    found = query.given.get("ablate") or {}
    if not isinstance(found, Mapping) or not all(isinstance(heads, list | tuple) for heads in found.values()):
        raise InputError(f'"ablate" has lists of heads by name: got {shortened(found, 60)}.', 'For instance {"encoder.0.self": [1]}.')
    views = {str(name): query.reading.view(str(name)) for name in found}
    if odd := [head for heads in found.values() for head in heads if type(head) is not int]:
        raise InputError(f"a head is a number: got {shortened(odd[0], 40)}.")
    return {name: [head_number(name, views[name].heads, head) for head in found[name]] for name in views if found[name]}


def _words(query: Query) -> list[int]:
    track = next(iter(query.reading.tracks.values()))
    return query.indices("mask", _given_words(query), "words") or [] if track.words else []


def _given_words(query: Query) -> int:
    """How many words the text has that was given."""
    track = next(iter(query.reading.tracks.values()))
    return sum(1 for span in track.words if span[1] <= len(query.reading.encoded.text))


def _others(query: Query) -> dict[int, str]:
    """{"5": "wide"}."""
    found = query.given.get("swap") or {}
    if not isinstance(found, Mapping) or not all(isinstance(word, str) for word in found.values()):
        raise InputError(f'"swap" has a word for the number of another: got {shortened(found, 60)}.', 'For instance {"5": "wide"}.')
    count, out = _given_words(query), dict[int, str]()
    for key, word in found.items():
        if not str(key).isdecimal() or not int(key) < count:
            raise InputError(f'"swap": there are {count} words, 0 to {count - 1}; got {shortened(key, 40)}.')
        if not word.strip() or len(word) > MOST_LETTERS:
            raise InputError("a word that is put in place of another is not blank, and no book.", 'To do without a word, "mask" it.')
        out[int(key)] = word
    return out


def _encoded(reading: Reading, mask: list[int], swap: Mapping[int, str]) -> Encoded:
    """The text as the model then reads it."""
    if not mask and not swap:
        return reading.encoded
    subject, words = reading.subject, next(iter(reading.tracks.values())).words
    text, moved = swapped(reading.encoded.text, words, {n: subject.opened.text.guarded_names(word) for n, word in swap.items()})
    encoded = subject.again(text) if swap else reading.encoded
    gone = sorted({token for number in mask for token in tokens_of(encoded, moved[number])})
    return subject.checked(without(encoded, gone, subject.opened.text.marks.mask))
