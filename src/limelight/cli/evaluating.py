"""What `limelight eval` does, once its options are read."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..data import Layout, Table, open_output
from ..data.formats import STANDARD, format_of
from ..errors import InputError, RecipeError
from ..hub import Opened, open_model
from ..tasks.recipes import Scorer, trade_of
from ..tasks.recipes.scores import Aside, Score
from ..train import Recipe, read_recipe
from ..train.recipes.begun import RECIPE
from .explained import Explaining, check, explained
from .progress import bar
from .streams import note, say

CHUNK = 512              # examples between two movements of the bar
AnyScorer = Scorer[Any, Any]


@dataclass(frozen=True)
class Job:
    """All that was asked for; None where nothing was. `exam`: options that only --task hears."""

    exam: Mapping[str, Any]
    model: str
    device: str
    dtype: str
    quant: str
    recipe: Path | None
    file: str | None
    columns: tuple[str | None, str | None]
    part: Literal["test", "valid"] | None
    limit: int | None
    beam: int | None
    align: bool
    explaining: Explaining
    output: str | None
    as_json: bool


@dataclass(frozen=True)
class Found:
    """What came out. `unit`: what the `count` examples are called; `aside`: what else was asked for."""

    data: str
    scores: list[Score]
    unit: str
    count: int
    seconds: float
    aside: Aside | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "data": self.data,
            self.unit: self.count,
            "seconds": round(self.seconds, 3),
            f"{self.unit}_per_second": round(self.count / self.seconds, 2),
            "scores": [each.to_json() for each in self.scores],
            **(self.aside.plain if self.aside else {}),
        }

    def __str__(self) -> str:
        lines = [*map(str, self.scores), *([self.aside.line] if self.aside else [])]
        return "\n".join([*lines, f"{self.count} {self.unit} of {self.data}, {self.count / self.seconds:.1f} a second"])


def run(job: Job) -> None:
    """Score, print, and write the answers where that was asked for."""
    _check_together(job)
    opened = open_model(job.model, device=job.device, dtype=job.dtype, quant=job.quant)
    recipe, beside = _recipe(job, opened)
    scorer: AnyScorer = trade_of(opened.manifest.task if recipe is None else recipe.task)
    examples, name = _examples(job, scorer, opened, recipe, beside)
    measure = trade_of(recipe.task).alignment(recipe, beside) if job.align and recipe is not None else None
    explains = None if job.explaining.each is None else scorer.evidence(examples, job.explaining.each)
    options = {} if job.beam is None else {"beam": job.beam}
    began, answers = time.perf_counter(), list[Any]()
    with bar(scorer.doing, len(examples), unit=scorer.unit) as show_at:
        for first in range(0, len(examples), CHUNK):
            show_at(first)
            answers += scorer.answers(opened, examples[first : first + CHUNK], **options)
        show_at(len(examples))
    seconds = time.perf_counter() - began
    scores = scorer.scores(examples, answers)
    aside = measure(opened) if measure else explained(job.explaining, opened, explains, name) if explains else None
    found = Found(name, scores, scorer.unit, len(answers), seconds, aside)
    told = {"model": opened.manifest.name, "precision": opened.precision, **found.to_json()}
    say(json.dumps(told, ensure_ascii=False) if job.as_json else str(found))
    if job.output is not None:
        _write(job.output, scorer, examples, answers)


def _check_together(job: Job) -> None:
    for name, value in job.exam.items():
        if value is not None:
            raise RecipeError(f"{name} is about an exam, and there is no --task.", f"Say --task align, or leave {name} out.")
    if job.output is not None:
        format_of(job.output)
        if not Path(job.output).parent.is_dir():
            raise InputError(f"there is no folder {Path(job.output).parent} for {job.output}.", "Create it, or choose another place.")
    check(job.explaining, align=job.align)
    if job.file is None:
        for name, value in zip(("--source-column", "--target-column"), job.columns, strict=True):
            if value is not None:
                raise RecipeError(f"{name} is about a file, and there is no --file.", f"Say --file FILE too, or leave {name} out.")
        return
    for name, value in (("--recipe", job.recipe), ("--part", job.part)):
        if value is not None and not (job.align and name == "--recipe"):
            raise RecipeError(f"{name} and --file were both given.", "Score on what the recipe sets aside, or on the file.")


def _recipe(job: Job, opened: Opened) -> tuple[Recipe | None, Path]:
    """The recipe that was named, or the model's own: beside it as `limelight train` leaves it, or where its card says."""
    if job.file is not None and not job.align:
        return None, Path()
    tries = [job.recipe] if job.recipe else [opened.folder.parent / RECIPE, Path(opened.manifest.card.recipe)]
    path = next((each for each in tries if each.is_file()), tries[-1])
    if job.recipe is None and not path.is_file():
        raise RecipeError(
            f"the recipe of {opened.manifest.name} is not here ({path}), so what it set aside is not known.",
            "Say --recipe FILE.toml, or --file TABLE for examples of your own.",
        )
    return read_recipe(path), path.parent


def _examples(job: Job, scorer: AnyScorer, opened: Opened, recipe: Recipe | None, beside: Path) -> tuple[list[Any], str]:
    """What to answer and what should come out, and what that is called."""
    if job.file is not None:
        columns = tuple(given or usual for given, usual in zip(job.columns, scorer.columns, strict=True))
        found = scorer.of_file(opened, job.file, (columns[0], columns[1]))
        if not found:
            raise InputError(f"{job.file} has no rows.", "Is it the right file?")
        return found[: job.limit], job.file
    if recipe is None:
        raise RecipeError("there is neither a recipe nor a file to score on.", "Say --recipe or --file.")
    part = job.part or "test"
    found = trade_of(recipe.task).held_out(recipe, beside, part)[: job.limit]
    if not found:
        raise RecipeError(f"the {part} part of the recipe {recipe.name} is empty.", f"Set data.{part} in the recipe.")
    return found, f"the {part} part of {recipe.name}"


def _write(path: str, scorer: AnyScorer, examples: list[Any], answers: list[Any]) -> None:
    """A table of what was scored; all its columns are new ones."""
    layout = Layout(Table(STANDARD, "jsonl", (), iter(())), scorer.kept())
    with open_output(path, layout=layout, options={}, resume=False) as output:
        for example, answer in zip(examples, answers, strict=True):
            output.write(scorer.row(example, answer))
    note(f"{path}: {len(answers)} {scorer.unit}.")
