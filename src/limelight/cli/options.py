"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.")]
Dtype = Annotated[str, typer.Option(metavar="DTYPE", help="fp32, bf16 or fp16; auto is fp32 on a CPU and bf16 on a GPU.")]
Texts = Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts; - or nothing: standard input, one a line.")]
Model = Annotated[str, typer.Option("--model", "-m", metavar="NAME|FOLDER", help="A bundled model, a model folder, or org/name.")]
File = Annotated[str | None, typer.Option(help="A table (TSV, CSV, JSONL, Parquet), or .txt with a text a line; - for a pipe.")]
Whole = Annotated[list[str] | None, typer.Option("--in", metavar="FILE", help="A file that is one text; may be given several times.")]
Format = Annotated[str | None, typer.Option(help="csv, jsonl, parquet, tsv or txt, where FILE's name does not tell.")]
Column = Annotated[str | None, typer.Option(help='The column with the texts; by default "text", or the only one.')]
Output = Annotated[str | None, typer.Option("--output", "-o", help="Write FILE's rows here, with the new column.")]
ToColumn = Annotated[str | None, typer.Option(help="The name of the new column.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an --output that was broken off.")]
Batch = Annotated[int, typer.Option(help="Texts at once; 1 answers each line of a pipe before the next.")]

Beam = Annotated[int | None, typer.Option(help="Partial answers kept at once; 1 is greedy.")]
Nbest = Annotated[int, typer.Option(help="Answers given back for each text.")]
LengthPenalty = Annotated[float | None, typer.Option(help="Scores are divided by length to this power.")]
MaxLength = Annotated[int | None, typer.Option(help="Tokens of an answer at most.")]
MinLength = Annotated[int | None, typer.Option(help="Tokens of an answer at least.")]
NoRepeat = Annotated[int | None, typer.Option(help="No run of so many tokens is said twice.")]
RepetitionPenalty = Annotated[float | None, typer.Option(help="Above 1, what was said is less likely to be said again.")]
Temperature = Annotated[float | None, typer.Option(help="Draw instead of searching; 1 draws by the model's own probabilities.")]
TopK = Annotated[int | None, typer.Option(help="Draw among the K likeliest.")]
TopP = Annotated[float | None, typer.Option(help="Draw among the likeliest that make up this share.")]
MinP = Annotated[float | None, typer.Option(help="Draw among those at least this share as likely as the likeliest.")]
Seed = Annotated[int | None, typer.Option(help="The same seed draws the same answers.")]
Streamed = Annotated[bool, typer.Option("--stream", help="Print words as soon as nothing can change them.")]
