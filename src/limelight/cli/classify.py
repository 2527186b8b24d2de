"""limelight classify: texts, standard input, or a table. The options; `classifying` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .table import as_command

WAYS = "leave-one-out, integrated-gradients, gradient-x-input, attention or rollout"


def classify(
    *,
    at: o.Judging,
    texts: o.Shown = None,
    whole: o.Whole = None,
    table: o.Table,
    why: Annotated[bool, typer.Option("--why", help="Show which words decided, and how far to trust what says so.")] = False,
    method: Annotated[str | None, typer.Option(metavar="NAME", help=f"How --why tells it: {WAYS}; else the best measured.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write what --why shows as a page.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Labels given back, best first.")] = None,
    labels: Annotated[str | None, typer.Option(metavar="A,B,C", help="Labels of your own, for a model of entailment, or CLIP.")] = None,
    template: Annotated[str | None, typer.Option(help='What such a model reads: "This example is {}.", "a photo of a {}."')] = None,
    several: Annotated[bool | None, typer.Option("--multi/--single", help="Several labels may hold, or just one.")] = None,
    pair: Annotated[str | None, typer.Option(metavar="TEXT", help="A second text, read beside each TEXT.")] = None,
    pair_column: Annotated[str | None, typer.Option(help="The column with each row's second text.")] = None,
    overlap: Annotated[int | None, typer.Option(help="Tokens that the windows of a long text share.")] = None,
    refuse: Annotated[bool, typer.Option("--refuse-long", help="Refuse a text that the model cannot read at once.")] = False,
    batch: o.Batch = 32,
    as_json: o.AsJson = False,
) -> None:
    """Tell which class a text is of (by default, whether an English review is positive or negative): given here, whole files (--in),
    standard input (a text a line), or a column of a table. A text longer than the model reads at once goes in windows, whose scores are
    averaged. A model that reads pictures is given their files, or folders of them; one that cannot be read does not stop the others."""
    from .classifying import Job, run, run_files
    from .files import refuse_texts
    from .given import Given

    asked = {
        "top_k": top_k,
        "several": several,
        "labels": None if labels is None else [label.strip() for label in labels.split(",")],
        "template": template,
        "why": method or why or html is not None or None,
        "long": "refuse" if refuse else None,
        "overlap": overlap,
        "batch": batch,
    }
    asked = {name: one for name, one in asked.items() if one is not None}
    if (seen := at.files("classify", texts)) is not None:
        of_texts = {"--in": whole, "--pair": pair, "--pair-column": pair_column, "--refuse-long": refuse, "--overlap": overlap}
        refuse_texts(of_texts)
        run_files(seen, texts or [], asked, table, as_json=as_json)
        return
    given = Given(tuple(texts or ()), table, as_json, whole=tuple(whole or ()))
    run(Job(given, at, asked, pair, pair_column, html))


command = as_command(
    classify,
    name="classify",
    examples="""
        limelight classify "The camera quality is excellent, but the battery life is disappointing" --why
        limelight classify -m distilbert-base-uncased-finetuned-sst-2-english "I like this phone." --why
        limelight classify "I like this phone." --why --method integrated-gradients
        limelight classify -m facebook/bart-large-mnli "My phone is broken!" --labels urgent,"not urgent",phone
        limelight classify -m ./paraphrase "How old are you?" --pair "What is your age?"
        limelight classify -m ./sentiment --file reviews.csv --column review --output reviews.out.csv --resume
        limelight classify -m google/vit-base-patch16-224 cat.jpg pictures/ --output labels.jsonl --resume
        limelight classify -m openai/clip-vit-base-patch32 cat.jpg --labels cat,dog
        cat lines.txt | limelight classify -m ./sentiment
    """,
)
