"""What `limelight answer` does, once its options are read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..data.formats import STANDARD
from ..data.rows import Row
from ..errors import InputError, RecipeError, did_you_mean
from ..tasks.answer.answered import Answered, Passage
from ..tasks.answer.task import AnswerOptions
from ..tasks.bulk import one_line
from ..tasks.reading.marked import Mark
from .given import Asked, Given, Table
from .given import answer as answer_all
from .marking import harmless, highlighted
from .naming import Named, name_of
from .options import Opening
from .streams import is_terminal, note

NONE = "(no answer)"


@dataclass(frozen=True)
class Job:
    """All that was asked for. `question`: of every text, unless rows have one of their own in a column; """

    question: str | None
    column: str | None
    given: Given
    at: Opening
    options: AnswerOptions


def asked_of(
    words: Sequence[str], questions: tuple[str | None, str | None], table: Table, whole: tuple[str, ...], as_json: bool
) -> tuple[str | None, Given]:
    """What is asked, and of which texts. `questions`: one for all, and the column with one for each row. Raises RecipeError where there
    is no question, or more than one."""
    question, column = questions
    if column is not None and table.file is None:
        raise RecipeError("--question-column is about a file, and there is no --file.", "Say --file FILE too, or leave it out.")
    if question is not None and column is not None:
        raise RecipeError("--question and --question-column were both given.", "Give one of them.")
    texts = list(words)
    if question is None and column is None:
        if not texts:
            raise RecipeError("there is no question.", 'For instance: limelight answer "Who signed?" --in contract.txt')
        question = texts.pop(0)
    if not texts and not whole and table.file is None:
        whole = (STANDARD,)
    return question, Given(tuple(texts), table, as_json, whole=whole)


def run(job: Job) -> None:
    """Do it. Raises LimelightError for what does not go together."""
    found = job.at.task("answer")
    if job.given.whole == (STANDARD,) and is_terminal(sys.stdin):
        note("Type the text; Ctrl-D ends.")
    question = job.question
    asked = Asked(
        found,
        found.opened,
        job.options,
        name="answer",
        doing="answering",
        item=lambda text: (question, text),
        row=lambda row, text: (question if job.column is None else _cell(row, job.column), text),
        made_with={"question": question, "question column": job.column},
    )
    answer_all(asked, job.given, Named(job.given, partial(_for_person, job.given)))


def _cell(row: Row, column: str) -> Any:
    if column not in row:
        raise InputError(f'there is no column "{column}".', did_you_mean(column, row))
    return row[column]


def _for_person(given: Given, result: Answered, number: int | None) -> str:
    """Answers with their sentences; of several texts, a line for each answer, behind the name of its file."""
    if number is None:
        return "\n".join(_at_length(result, each) for each in result.nbest) or NONE
    name = name_of(given, number)
    before = f"{name or number}\t" if name or result.listed else ""
    return "\n".join(before + _short(each) for each in result.nbest) or before + NONE


def _at_length(result: Answered, passage: Passage) -> str:
    """An answer with its places, and the sentence that it stands in."""
    if not passage.text:
        return f"{NONE}  {passage.score:.4f}"
    a, b = passage.sentence
    sentence = highlighted(one_line(result.context[a:b]), [Mark(passage.start - a, passage.end - a)])
    return f"{harmless(one_line(passage.text))}  {passage.score:.4f}  {passage.start}-{passage.end}\n  {sentence}"


def _short(passage: Passage) -> str:
    return f"{passage.score:.4f}\t{passage.start}-{passage.end}\t{one_line(passage.text) or NONE}"
