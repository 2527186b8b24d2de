"""What `limelight eval` does, once its options are read."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import NORMALISERS, Example, Layout, Table, cell, open_output, read_table
from ..data.formats import STANDARD, format_of
from ..errors import InputError, RecipeError
from ..hub import Opened, open_model
from ..tasks.recipes.aligning import own_error
from ..tasks.recipes.gold import read_gold
from ..tasks.recipes.learning import read_split, translations
from ..tasks.recipes.scoring import Score, score
from ..train import Recipe, find_data, read_recipe
from .progress import bar
from .streams import note, say

CHUNK = 512              # sentences between two movements of the bar


@dataclass(frozen=True)
class Job:
    """All that was asked for; None where nothing was."""

    model: str
    device: str
    dtype: str
    recipe: Path | None
    file: str | None
    columns: tuple[str | None, str | None]
    part: str | None
    limit: int | None
    beam: int | None
    align: bool
    output: str | None
    as_json: bool


@dataclass(frozen=True)
class Measured:
    """What came out. `aer`: on `gold` pairs, None where it was not asked for."""

    data: str
    scores: list[Score]
    sentences: int
    seconds: float
    aer: float | None
    gold: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        out: dict[str, Any] = {
            "data": self.data,
            "sentences": self.sentences,
            "seconds": round(self.seconds, 3),
            "sentences_per_second": round(self.sentences / self.seconds, 2),
            "scores": [each.to_json() for each in self.scores],
        }
        return out if self.aer is None else {**out, "aer": round(self.aer, 4), "gold_pairs": self.gold}

    def __str__(self) -> str:
        lines = [str(each) for each in self.scores]
        if self.aer is not None:
            lines.append(f"AER {self.aer:.3f}   {self.gold} gold pairs (0 is perfect)")
        return "\n".join([*lines, f"{self.sentences} sentences of {self.data}, {self.sentences / self.seconds:.1f} a second"])


def run(job: Job) -> None:
    """Score, print, and write the translations where that was asked for."""
    _check_together(job)
    opened = open_model(job.model, device=job.device, dtype=job.dtype)
    recipe, beside = _recipe(job, opened)
    examples, name = _examples(job, opened, recipe, beside)
    gold = _gold(recipe, beside) if job.align else []
    began, said = time.perf_counter(), list[str]()
    with bar("translating", len(examples), unit="sentences") as show_at:
        for first in range(0, len(examples), CHUNK):
            show_at(first)
            said += translations(opened, examples[first : first + CHUNK], beam=job.beam)
        show_at(len(examples))
    seconds = time.perf_counter() - began
    scores = score(said, [e.references for e in examples])
    found = Measured(name, scores, len(said), seconds, own_error(opened, gold) if gold else None, len(gold))
    say(json.dumps({"model": opened.manifest.name, **found.to_json()}, ensure_ascii=False) if job.as_json else str(found))
    if job.output is not None:
        _write(job.output, examples, said)


def _check_together(job: Job) -> None:
    if job.output is not None:
        format_of(job.output)
        if not Path(job.output).parent.is_dir():
            raise InputError(f"there is no folder {Path(job.output).parent} for {job.output}.", "Create it, or choose another place.")
    if job.file is None:
        for name, value in zip(("--source-column", "--target-column"), job.columns, strict=True):
            if value is not None:
                raise RecipeError(f"{name} is about a file, and there is no --file.", f"Say --file FILE too, or leave {name} out.")
        return
    for name, value in (("--recipe", job.recipe), ("--part", job.part)):
        if value is not None and not (job.align and name == "--recipe"):
            raise RecipeError(f"{name} and --file were both given.", "Score on the recipe's pairs, or on the file's.")


def _recipe(job: Job, opened: Opened) -> tuple[Recipe | None, Path]:
    """The recipe that was named, or the model's own: beside it as `limelight train` leaves it, or where its card says."""
    if job.file is not None and not job.align:
        return None, Path()
    tries = [job.recipe] if job.recipe else [opened.folder.parent / "recipe.toml", Path(opened.manifest.card.recipe)]
    path = next((each for each in tries if each.is_file()), tries[-1])
    if job.recipe is None and not path.is_file():
        raise RecipeError(
            f"the recipe of {opened.manifest.name} is not here ({path}), so its held-out pairs are not known.",
            "Say --recipe FILE.toml, or --file PAIRS for pairs of your own.",
        )
    return read_recipe(path), path.parent


def _examples(job: Job, opened: Opened, recipe: Recipe | None, beside: Path) -> tuple[list[Example], str]:
    """What to translate and what it should give, and what that is called."""
    if job.file is not None:
        return _from_file(job, opened)[: job.limit], job.file
    if recipe is None:
        raise RecipeError("there is neither a recipe nor a file to score on.", "Say --recipe or --file.")
    part = job.part or "test"
    split = read_split(recipe, beside)
    found = (split.test if part == "test" else split.valid)[: job.limit]
    if not found:
        raise RecipeError(f"the {part} part of the recipe {recipe.name} is empty.", f"Set data.{part} in the recipe.")
    return found, f"the {part} part of {recipe.name}"


def _from_file(job: Job, opened: Opened) -> list[Example]:
    """Pairs of a table, those with one source together. Both sides are normalised as training data are, for the model writes so."""
    table = read_table(job.file or "")
    source, target = (table.column(given or name) for given, name in zip(job.columns, ("source", "target"), strict=True))
    m = opened.manifest
    tidy, clean = (NORMALISERS.get(language or "none", NORMALISERS["none"]) for language in (m.source_language, m.target_language))
    found: dict[str, list[str]] = {}
    for number, row in enumerate(table.rows, 1):
        sides = (cell(row, column, where=table.where, number=number) for column in (source, target))
        text, reference = (side(each) for side, each in zip((tidy, clean), sides, strict=True))
        if not text or not reference:
            raise InputError(f"{table.where}, row {number}: a pair with an empty side cannot be scored.", "Leave such rows out.")
        found.setdefault(text, []).append(reference)
    if not found:
        raise InputError(f"{table.where} has no rows.", "Is it the right file?")
    return [Example(text, tuple(dict.fromkeys(references))) for text, references in found.items()]


def _gold(recipe: Recipe | None, beside: Path) -> list[Any]:
    if recipe is None or recipe.align is None:
        raise RecipeError("--align needs gold alignments, and the recipe has no [align] part.", "See recipes/en-fr.toml.")
    gold = read_gold(find_data(recipe.align.pairs, beside), find_data(recipe.align.links, beside))
    return gold[recipe.align.choose_on :]


def _write(path: str, examples: list[Example], translations: list[str]) -> None:
    """A table of what was scored; all its columns are new ones."""
    layout = Layout(Table(STANDARD, "jsonl", (), iter(())), {"source": str, "references": list[str], "translation": str})
    with open_output(path, layout=layout, options={}, resume=False) as output:
        for example, translation in zip(examples, translations, strict=True):
            output.write({"source": example.source, "references": list(example.references), "translation": translation})
    note(f"{path}: {len(translations)} translations.")
