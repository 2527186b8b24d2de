"""The first examples of a recipe's test part."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from limelight.data.boxes import Marked
from limelight.files import replaced
from limelight.inputs.pictures import Picture, read
from limelight.tasks.recipes import trade_of
from limelight.train import read_recipe

COUNT = 6
QUALITY = 85                             # of JPEG


def first(recipe: Path, count: int = COUNT) -> list[Any]:
    """So many of them, in order."""
    told = read_recipe(recipe)
    return list(islice(trade_of(told.task).held_out(told, recipe.parent, "test"), count))


def shown(example: Any) -> Picture:
    """The picture of one."""
    return read(example.path) if isinstance(example, Marked) else example.picture()


def ending(example: Any) -> str:
    """How files are named that show it: photographs stay photographs."""
    return example.path.suffix if isinstance(example, Marked) else ".png"


def kept(image: Image.Image, place: Path) -> str:
    """Write a picture, as the name's ending says -> how the page shows it."""
    with replaced(place) as draft:
        image.save(draft, Image.registered_extensions()[place.suffix], optimize=True, quality=QUALITY)
    return f"![{place.stem}]({place.name})"
