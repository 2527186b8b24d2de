"""What recipes of models of pictures have in common: their data, read and divided."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import overload

from torch import nn

from ...data import read_table
from ...data.rows import Table, cell
from ...data.scenes import kinds
from ...data.shown import Example, Filed, Painted, Parts, listed, scenes, set_aside
from ...errors import InputError, RecipeError
from ...hub import open_model
from ...nn import Network
from ...train import find_data
from ...train.recipes.shown import ListedPart, ScenesPart

PIECES_OF = 5_000                        # scenes whose words the vocabulary is learnt from
BETWEEN = "embed.between"                # places that each layer is told anew
LOUD = 2.0                               # their size beside trained layers: what these hand on is about as large


def needed(data: ScenesPart | ListedPart, beside: Path) -> list[Path]:
    """The files that it reads."""
    return [] if isinstance(data, ScenesPart) else [find_data(data.path, beside)]


@overload
def parts(data: ScenesPart, beside: Path, *, few: int | None = None) -> Parts[Painted]: ...
@overload
def parts(data: ScenesPart | ListedPart, beside: Path, *, few: int | None = None) -> Parts[Painted] | Parts[Filed]: ...
def parts(data: ScenesPart | ListedPart, beside: Path, *, few: int | None = None) -> Parts[Painted] | Parts[Filed]:
    """The pictures of a recipe; for a rehearsal only `few` to learn from, and a tenth of them in each of the other parts."""
    if isinstance(data, ScenesPart):
        d = data if few is None else replace(data, epoch=few, valid=max(2, few // 10), test=max(2, few // 10))
        return scenes(kinds(d.held, d.seed), side=d.side, seed=d.seed, epoch=d.epoch, valid=d.valid, test=d.test, plain=d.plain)
    path = find_data(data.path, beside)
    found = listed(read_table(str(path)), path.parent / data.folder, file=data.file, texts=data.texts, split=data.split)
    if few is None:
        return set_aside(found, valid=data.valid, test=data.test, seed=data.seed)
    return set_aside(found[:few], valid=max(1, few // 10), test=max(1, few // 10), seed=data.seed)


def said(data: ScenesPart | ListedPart, split: Parts[Example]) -> list[str]:
    """Texts that a vocabulary can be learnt from: those after the plain ones."""
    turn = data.plain if isinstance(data, ScenesPart) else 0
    return [text for each in islice(split.learnt(turn), PIECES_OF) for text in each.texts]


def told(data: ScenesPart | ListedPart, split: Parts[Example]) -> str:
    """What a model learnt from, and what was held out, for its card."""
    if isinstance(data, ListedPart):
        return f"{len(split.learnt(0)):,} pictures with texts to learn from, {len(split.valid):,} and {len(split.test):,} held out."
    return f"""scenes that are made by rule, {data.epoch:,} new ones an epoch, and {len(split.test):,} to be tested on.
  {data.held} kinds of things (a size, a colour and a shape) are in no scene to learn from; every second of the others has one."""


def begin_as(model: Network, name: str) -> None:
    """Give a model's encoder the numbers of another's, by its name or folder. Where it alone is told places between layers, these are loud.

    Raises RecipeError where they are of other shapes.
    """
    opened = open_model(name, device="cpu", dtype="fp32")
    mine, other = model.encoder, opened.model.encoder
    if mine is None or other is None or _shapes(mine) != _shapes(other):
        raise RecipeError(f"model.begin={name}: its encoder is of another size than the recipe's.", "Give the recipe the same squares.")
    for key in mine.load_state_dict(other.state_dict(), strict=False).missing_keys:
        number = mine.get_parameter(key)
        number.data *= LOUD * number.shape[-1] ** 0.5


def _shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items() if key != BETWEEN}


def of_table(table: Table, columns: tuple[str, str]) -> list[Example]:
    """A user's own pictures, by their paths from the table's folder, with a text each. Raises InputError for rows that cannot be scored."""
    file, text = map(table.column, columns)
    found: list[Example] = []
    for number, row in enumerate(table.rows, 1):
        name, told = (cell(row, column, where=table.where, number=number) for column in (file, text))
        if not name or not told.strip():
            raise InputError(f"{table.where}, row {number}: a picture or a text is missing.", "Leave such rows out.")
        found.append(Filed(Path(table.where).parent / name, (told,)))
    return found

