"""limelight resolve: a pronoun and what it may stand for, in a text or in a table of them."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .table import as_command


def resolve(
    *,
    at: o.Opening,
    texts: o.Texts = None,
    candidate: Annotated[list[str] | None, typer.Option("--candidate", "-c", help="What it may stand for; give two or more.")] = None,
    pronoun: Annotated[str | None, typer.Option(help="The pronoun, or its offset; by default the only one there is.")] = None,
    masked: Annotated[str, typer.Option(help="Masked models: a candidate's tokens masked together, or single.")] = "together",
    causal: Annotated[str, typer.Option(help="Causal models: the partial score (what follows), or the full text's.")] = "partial",
    total: Annotated[bool, typer.Option("--total", help="The sum of the tokens' scores instead of their mean.")] = False,
    table: o.Table,
    batch: o.Batch = 32,
    as_json: o.AsJson = False,
) -> None:
    """Tell what a pronoun stands for: which candidate makes the text likeliest, and whether the pronoun's attention says the same.

    A table has the columns text, candidates (a list, or a|b) and, where a text has several pronouns, pronoun (a word or an offset).
    """
    from .given import Given
    from .resolving import Asking, run

    given = Given(tuple(texts or ()), table, as_json)
    changes = {"masked": masked, "causal": causal, "average": not total, "batch": batch}
    run(given, Asking(tuple(candidate or ()), pronoun), changes, at)


command = as_command(
    resolve,
    name="resolve",
    examples="""
        limelight resolve -m ./bert-base-uncased "The dog didn't cross the street because it was tired." -c "the dog" -c "the street"
        limelight resolve -m ./gpt2 "Ann rang Beth when she was ill." -c Ann -c Beth --pronoun she --json
        limelight resolve -m ./bert-base-uncased --file in.jsonl --output out.jsonl
    """,
)
