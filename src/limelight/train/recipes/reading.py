"""Recipes as TOML: read with dotted overrides from the command line, and written with every key spelt out."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from ...errors import RecipeError, SpecError, did_you_mean
from ...values import parse, plain
from .base import Recipe
from .caption import CaptionRecipe
from .classify import ClassifyRecipe
from .detect import DetectRecipe
from .draw import DrawRecipe
from .reply import ReplyRecipe
from .transcribe import TranscribeRecipe
from .translate import TranslateRecipe

ROOT = "LIMELIGHT_DATA"
KINDS: dict[str, type[Recipe]] = {
    "translate": TranslateRecipe,
    "classify": ClassifyRecipe,
    "reply": ReplyRecipe,
    "caption": CaptionRecipe,
    "transcribe": TranscribeRecipe,
    "detect": DetectRecipe,
    "draw": DrawRecipe,
}
USUAL = "translate"                      # the task of a recipe that names none
FIRST = ("name", "task", "data", "tokenizer", "model", "batches", "plan", "eval")    # what a reader wants to see first


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, then put "plan.lr=3e-4"-like overrides in; a value is TOML, or a bare word for text.

    Its `task` decides what it may hold. Raises RecipeError (one line) for a missing or broken file, an unknown task, a key that recipes
    of this task do not have, or a value out of range.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}.", "Give the path of a .toml file, for instance recipes/en-fr.toml.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path} is not TOML: {error}", "Text values want quotes; see recipes/ for examples.") from None
    for override in overrides:
        _put(data, override)
    recipe = parse(_kind(data.get("task", USUAL), path), data, where=str(path), error=RecipeError)
    try:
        recipe.spec()
    except SpecError as error:      # sizes that do not fit together are the recipe's fault, and are said before the data are read
        raise RecipeError(f"{path}: model: {error.message}", error.hint) from None
    return recipe


def _kind(task: object, path: Path) -> type[Recipe]:
    if not isinstance(task, str) or task not in KINDS:
        raise RecipeError(f"{path}: no recipe is for the task {task!r:.60}.", did_you_mean(str(task), KINDS))
    return KINDS[task]


def to_toml(recipe: Recipe) -> str:
    """The recipe with every field spelt out; reads back as the same recipe."""
    data = _without_none(plain(recipe))
    return tomli_w.dumps({key: data[key] for key in sorted(data, key=lambda key: FIRST.index(key) if key in FIRST else len(FIRST))})


def _without_none(data: Any) -> Any:
    """TOML has no word for nothing: what is not there is left out."""
    return {key: _without_none(item) for key, item in data.items() if item is not None} if isinstance(data, dict) else data


def find_data(path: str, beside: Path) -> Path:
    """The file that a recipe in the folder `beside` means by `path`.

    An absolute path is itself; "$LIMELIGHT_DATA/set/file" is looked for under that environment variable, or where it is not set in
    shared/data beside the repository; anything else is relative to the recipe's folder. Raises RecipeError where nothing is there.
    """
    if path.startswith(f"${ROOT}/"):
        found = data_root() / path.removeprefix(f"${ROOT}/")
        hint = f"Set {ROOT} to the folder that holds the data sets."
    else:
        found = beside / Path(path).expanduser()
        hint = f'The path is relative to the recipe; "${ROOT}/..." is relative to the folder of data sets.'
    if not found.exists():
        raise RecipeError(f"there is no data at {found}.", hint)
    return found


def data_root() -> Path:
    """Where data sets are kept: LIMELIGHT_DATA, or shared/data beside a clone of the repository."""
    return Path(os.environ[ROOT]) if os.environ.get(ROOT) else Path(__file__).resolve().parents[5] / "shared" / "data"


def _put(data: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    *tables, last = key.strip().split(".")
    if not sign or not all((*tables, last)):
        raise RecipeError(f"an override is written key=value: got {override!r}.", "For instance plan.lr=3e-4.")
    for at, table in enumerate(tables):
        data = data.setdefault(table, {})
        if not isinstance(data, dict):
            raise RecipeError(f"{override!r}: {'.'.join(tables[: at + 1])} is a value, not a table.")
    data[last] = _literal(text.strip())


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text
