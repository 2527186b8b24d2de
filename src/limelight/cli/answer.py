"""limelight answer: a question and a text, whole files, or a table. The options; `answering` does the work."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command

Words = Annotated[
    list[str] | None, typer.Argument(metavar="[QUESTION] [TEXT]...", help="A question, and texts; no text: standard input is one.")
]


def answer(
    *,
    at: o.Opening,
    words: Words = None,
    whole: o.Whole = None,
    table: o.Table,
    question: Annotated[str | None, typer.Option(help="The question, where QUESTION is not given.")] = None,
    question_column: Annotated[str | None, typer.Option(help="FILE's column with a question for each row.")] = None,
    nbest: Annotated[int, typer.Option(help="Answers given back for each text.")] = 1,
    max_answer: Annotated[int, typer.Option(help="Tokens of an answer at most.")] = 15,
    none: Annotated[bool | None, typer.Option("--none/--no-none", help='Whether "no answer" is one; by default as the model is.')] = None,
    whole_words: Annotated[bool, typer.Option("--whole-words/--parts-of-words", help="Widen an answer to whole words.")] = True,
    window: Annotated[int | None, typer.Option(help="Tokens read at once; by default 384 or what the model has room for.")] = None,
    overlap: Annotated[int | None, typer.Option(help="Tokens that neighbouring windows share.")] = None,
    batch: Annotated[int, typer.Option(help="Windows read together.")] = 32,
    as_json: o.AsJson = False,
) -> None:
    """Answer a question out of a text: given here, whole files (--in), standard input, or a column of a table. A text of any length is
    read to its end, in windows that overlap; places are characters of the whole text."""
    from ..tasks.answer.task import AnswerOptions
    from .answering import Job, asked_of, run

    options = AnswerOptions(
        nbest=nbest, max_answer=max_answer, none=none, whole_words=whole_words, window=window, overlap=overlap, batch=batch
    )
    asked, given = asked_of(words or [], (question, question_column), table, tuple(whole or ()), as_json)
    run(Job(asked, question_column, given, at, options))


command = as_command(
    answer,
    name="answer",
    examples="""
        limelight answer "Who signed?" "It was signed by Jane Doe in May." -m ./roberta-squad
        limelight answer "Who signed?" --in contract.txt --in annex.txt -m ./roberta-squad --nbest 3
        cat contract.txt | limelight answer "What is the notice period?" -m ./roberta-squad --json
        limelight answer --file rows.csv --question-column question --column context -m ./roberta-squad -o out.csv
        limelight answer "Which drug was given?" --file visits.csv --column note -m ./roberta-squad -o out.csv --resume
    """,
)
