"""Options that several commands share; those that go together are groups, see groups.ungrouped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import TaskError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="cpu, cuda, cuda:1 ...; auto takes a GPU where there is one.")]
Dtype = Annotated[str, typer.Option(metavar="DTYPE", help="fp32, bf16 or fp16; auto is fp32 on a CPU and bf16 on a GPU.")]
Quant = Annotated[str, typer.Option(metavar="QUANT", help="Products in int8 or int4; none is exact, auto int8 where that is fast.")]
Shown = Annotated[
    list[str] | None, typer.Argument(metavar="[TEXT|FILE]...", help="Texts, or pictures and folders of them; - or nothing: lines of stdin.")
]
Texts = Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts; - or nothing: standard input, one a line.")]
Model = Annotated[str, typer.Option("--model", "-m", metavar="NAME|FOLDER", help="A bundled model, a model folder, or org/name.")]
Whole = Annotated[list[str] | None, typer.Option("--in", metavar="FILE", help="A file that is one text; may be given several times.")]
Batch = Annotated[int, typer.Option(help="Texts at once; 1 answers each line of a pipe before the next.")]
Streamed = Annotated[bool, typer.Option("--stream", help="Print words as soon as nothing can change them.")]


def is_there(name: str) -> bool:
    """Whether there is a file or a folder of that name, which many texts could not be."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):                                    # too long for a name, or with a null in it
        return False


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The model, and where it is to be."""

    model: Model
    device: Device = "auto"
    dtype: Dtype = "auto"
    quant: Quant = "auto"

    def files(self, name: str, given: list[str] | None) -> Any:
        """The task, where some of what was given are files or folders and the model reads pictures; else None. Raises TaskError for
        pictures that it does not read."""
        there = [each for each in given or () if is_there(each)]
        if not there:
            return None
        from ..inputs.pictures import is_picture

        task = self.task(name)
        if task.opened.manifest.pictures is not None:
            return task
        if picture := next((each for each in there if is_picture(each)), None):
            raise TaskError(f"{task.opened.manifest.name} reads texts and no pictures: got {picture}.", "Use a model that reads pictures.")
        return None

    def task(self, name: str) -> Any:
        """A task over it."""
        from ..tasks import task

        return task(name, self.model, device=self.device, dtype=self.dtype, quant=self.quant)


@dataclass(frozen=True, kw_only=True)
class Bundled(Opening):
    """The same, for a task that a bundled model does."""

    model: Model = "en-fr"


@dataclass(frozen=True, kw_only=True)
class Conversing(Opening):
    """The same, for a conversation."""

    model: Model = "reply-en"


@dataclass(frozen=True, kw_only=True)
class Judging(Opening):
    """The same, for texts whose class is wanted."""

    model: Model = "sentiment-en"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file to read."""

    file: Annotated[str | None, typer.Option(help="A table (TSV, CSV, JSONL, Parquet), or .txt with a text a line; - for a pipe.")] = None
    format: Annotated[str | None, typer.Option(help="csv, jsonl, parquet, tsv or txt, where FILE's name does not tell.")] = None
    column: Annotated[str | None, typer.Option(help='The column with the texts; by default "text", or the only one.')] = None


@dataclass(frozen=True, kw_only=True)
class Table(Source):
    """A file to answer, and where its answers go."""

    output: Annotated[str | None, typer.Option("--output", "-o", help="Write FILE's rows here, with the new column.")] = None
    to_column: Annotated[str | None, typer.Option(help="The name of the new column.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an --output that was broken off.")] = False


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Where answers about files go."""

    output: Annotated[str | None, typer.Option("--output", "-o", help="Write a table here, with a row for each file.")] = None
    to_column: Annotated[str | None, typer.Option(help="The name of the answers' column.")] = None
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an --output that was broken off.")] = False


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a model that writes is to choose its words; None where nothing was asked for."""

    beam: Annotated[int | None, typer.Option(help="Partial answers kept at once; 1 is greedy.")] = None
    nbest: Annotated[int, typer.Option(help="Answers given back for each text.")] = 1
    length_penalty: Annotated[float | None, typer.Option(help="Scores are divided by length to this power.")] = None
    max_length: Annotated[int | None, typer.Option(help="Tokens of an answer at most.")] = None
    min_length: Annotated[int | None, typer.Option(help="Tokens of an answer at least.")] = None
    no_repeat: Annotated[int | None, typer.Option(help="No run of so many tokens is said twice.")] = None
    repetition_penalty: Annotated[float | None, typer.Option(help="Above 1, what was said is less likely to be said again.")] = None
    temperature: Annotated[float | None, typer.Option(help="Draw instead of searching; 1 draws by the model's own probabilities.")] = None
    top_k: Annotated[int | None, typer.Option(help="Draw among the K likeliest.")] = None
    top_p: Annotated[float | None, typer.Option(help="Draw among the likeliest that make up this share.")] = None
    min_p: Annotated[float | None, typer.Option(help="Draw among those at least this share as likely as the likeliest.")] = None
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same answers.")] = None
    batch: Batch = 32
