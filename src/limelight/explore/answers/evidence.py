"""Evidence: which words of a text the answer rests on, by a measured effect, beside the attention that they got."""

from __future__ import annotations

from typing import Any

from ...errors import TaskError
from ...tasks import evidence as told
from ..query import Query
from ..reading import Reading

SAID = {"class": True, "mask": True, "vector": False, "none": False}


def methods(reading: Reading) -> tuple[str, ...]:
    """What can be asked for, the best measured first; nothing where nothing is said that a word could bear on."""
    said = reading.choice is None or SAID[reading.choice.kind]
    return told.methods(reading.opened) if said else ()


def evidence(query: Query) -> dict[str, Any]:
    """The words, each with its effect. Raises InputError for a method that is not known, TaskError for a model that says nothing."""
    reading, known = query.reading, methods(query.reading)
    if not known:
        raise TaskError("nothing is said here that the words could be evidence for.", "Use a model that writes, judges or guesses.")
    if reading.silent:
        raise TaskError("evidence is told of the whole model: some heads are switched off here.", 'Ask of "before".')
    method = query.one_of("method", known, known[0])
    if ("evidence", method) not in reading.kept:
        answer = None if reading.written is None else reading.written.tokens
        reading.kept["evidence", method] = told.explain(reading.opened, reading.encoded, method=method, answer=answer, curve=True).to_json()
    return reading.kept["evidence", method]
