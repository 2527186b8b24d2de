"""limelight eval: the scores of a model. The options; `evaluating` does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson, Device, Dtype, Quant
from .table import as_command


def evaluate(
    model: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A bundled model or a model folder.")],
    recipe: Annotated[Path | None, typer.Option(help="Score on what this recipe sets aside; by default the model's own.")] = None,
    file: Annotated[str | None, typer.Option(help="Score on a table (TSV, CSV, JSONL, Parquet); boxes: VOC or COCO, too.")] = None,
    source_column: Annotated[str | None, typer.Option(help="FILE's texts or files; by default source, text, customer or file.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Where the right answers are; by default target, label, reply, text.")] = None,
    part: Annotated[Literal["test", "valid"] | None, typer.Option(help="Which part of the recipe's data; by default test.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first examples.")] = None,
    beam: Annotated[int | None, typer.Option(help="Partial translations kept at once; by default the model's own.")] = None,
    align: Annotated[bool, typer.Option("--align", help="Also the alignment error rate on the recipe's gold alignments.")] = False,
    task: Annotated[str | None, typer.Option(help="Examine it at align, sense or resolve instead, on --data.")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="What --task is examined on: a folder, or files; may be given often.")] = None,
    choose_on: Annotated[int | None, typer.Option(min=1, help="Of --data, how many are chosen by; the others are measured on.")] = None,
    count_from: Annotated[int | None, typer.Option(min=0, max=1, help="Gold links are counted from; by default the links tell.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="The source's language, for --task align.")] = None,
    target: Annotated[str | None, typer.Option("--to", help="The target's language, for --task align.")] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep what --task or --evidence measured with the model.")] = False,
    evidence: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Also how faithful each way of telling what decided is, on N texts of each set.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write what --evidence finds as a page (.md), figures and plots beside it.")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Write examples, right and given answers to this table.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    quant: Quant = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a model on held-out examples, with 95 % intervals: translations by BLEU and chrF, classes by accuracy and calibration,
    replies by perplexity and variety, recordings by word error rate and times, boxes by COCO's average precision. With --task, examine any
    model that opens: word alignment on gold alignments, words in context by their senses, pronouns by what they stand for."""
    if task is not None:
        from .examining import Exam, examine

        usual = {"--recipe": recipe, "--file": file, "--part": part, "--beam": beam, "--align": align or None, "--output": output}
        usual |= {"--evidence": evidence, "--page": page}
        more = {"choose_on": choose_on, "first": count_from, "languages": (source, target), "limit": limit}
        examine(Exam(model, device, dtype, quant, task, tuple(data or ()), more, usual, save=save, as_json=as_json))
        return
    from .evaluating import Job, run
    from .explained import Explaining

    again = {"--recipe": recipe, "--file": file, "--part": part, "--limit": limit, "--evidence": evidence, "--page": page}
    given = {"--data": data or None, "--choose-on": choose_on, "--count-from": count_from, "--from": source, "--to": target}
    run(
        Job(
            exam={**given, "--save": None if evidence else save or None},
            model=model,
            device=device,
            dtype=dtype,
            quant=quant,
            recipe=recipe,
            file=file,
            columns=(source_column, target_column),
            part=part,
            limit=limit,
            beam=beam,
            align=align,
            explaining=Explaining(evidence, page, keep=save, again=again),
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
        limelight eval ./opus-mt-en-fr --task align --data gold.src-tgt --data gold.links --save
        limelight eval facebook/detr-resnet-50 --file coco/annotations/instances_val2017.json --limit 500
        limelight eval sentiment-en --evidence 100 --page evidence.md
        limelight eval en-fr --file pairs.tsv --source-column en --target-column fr --output scored.jsonl
        limelight eval ./whisper-tiny --file talks.tsv --target-column sentence
    """,
)
