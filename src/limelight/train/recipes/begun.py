"""Whether a folder's training was begun by the same recipe: gone on with over other data, a model would be tested on what it has learnt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import RecipeError
from ...values import plain
from ..checkpoint import latest
from .base import Recipe
from .reading import read_recipe

# How long and how fast it learns, and what is measured and said at the end, may change on the way. Drawing's codec is a training of its
# own, which that task looks at. All else says what is learnt: data, vocabulary, model, batches, and what is done to examples.
FREE = {"name", "plan", "eval", "card", "codec"}
RECIPE = "recipe.toml"


def check_begun_by(recipe: Recipe, folder: Path) -> None:
    """Raises RecipeError where `folder` holds checkpoints of a training by a recipe that differs in more than FREE."""
    if latest(folder)[0] is None or not (folder / RECIPE).exists():
        return
    before, now = (dict(_keys(plain(each))) for each in (read_recipe(folder / RECIPE), recipe))
    other = next((key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)), None)
    if other is not None:
        was, wanted = (_said(each.get(other)) for each in (before, now))
        raise RecipeError(
            f"{folder} holds a training that was begun with {other} {was}, and this recipe has {wanted}.",
            "Give another folder (--folder), or go on with it all the same (--resume must).",
        )


def _keys(data: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Its values by dotted keys."""
    for key, value in data.items():
        if not within and key in FREE:
            continue
        if isinstance(value, Mapping):
            yield from _keys(value, f"{within}{key}.")
        else:
            yield within + key, value


def _said(value: Any) -> str:
    return "unset" if value is None else repr(value)
