"""limelight eval: the scores of a model. The options; `evaluating` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, Device, Dtype
from .table import as_command


def evaluate(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A bundled model or a model folder.")],
    recipe: Annotated[Path | None, typer.Option(help="Score on what this recipe sets aside; by default the model's own.")] = None,
    file: Annotated[str | None, typer.Option(help="Score on the rows of this table (TSV, CSV, JSONL, Parquet) instead.")] = None,
    source_column: Annotated[str | None, typer.Option(help="Where FILE's texts are; by default source, text or customer.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Where the right answers are; by default target, label or reply.")] = None,
    part: Annotated[Literal["test", "valid"] | None, typer.Option(help="Which part of the recipe's data; by default test.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first examples.")] = None,
    beam: Annotated[int | None, typer.Option(help="Partial translations kept at once; by default the model's own.")] = None,
    align: Annotated[bool, typer.Option("--align", help="Also the alignment error rate on the recipe's gold alignments.")] = False,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write examples, right and given answers to this table.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a model on held-out examples, with 95 % intervals: translations by BLEU and chrF, classes by accuracy and calibration,
    replies by perplexity and variety."""
    from .evaluating import Job, run

    run(
        Job(
            model=model,
            device=device,
            dtype=dtype,
            recipe=recipe,
            file=file,
            columns=(source_column, target_column),
            part=part,
            limit=limit,
            beam=beam,
            align=align,
            output=output,
            as_json=as_json,
        )
    )


command = as_command(
    evaluate,
    name="eval",
    examples="""
        limelight eval en-fr --recipe recipes/en-fr.toml
        limelight eval runs/en-fr/model --part valid --limit 200
        limelight eval en-fr --file pairs.tsv --source-column en --target-column fr --output scored.jsonl
    """,
)
