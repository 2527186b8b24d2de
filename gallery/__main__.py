"""`python -m gallery`: docs/gallery made again, a page and its pictures, by every bundled model that there is something to see of."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

import limelight
from limelight.errors import RecipeError
from limelight.files import replaced
from limelight.hub import bundled

from .boxes import boxes
from .captions import captions
from .drawings import drawings
from .words import words

PAGE = Path(__file__).parents[1] / "docs" / "gallery"
RECIPES = Path(__file__).parents[1] / "recipes"
HEAD = """\
# Gallery

What the bundled models make of the first examples of their recipes' test parts, in order; none was picked. `python -m gallery` makes this
page again. How good they are on all examples is in their cards (`limelight models NAME`).
"""
Part = Callable[[str, Path, Path], str]  # a model, its recipe, where pictures go -> a section of the page
SHOWN: dict[str, Part] = {
    "scenes-caption": captions,
    "scenes-detect": boxes,
    "scenes-draw": drawings,
    "emoji-caption": captions,
    "emoji-draw": drawings,
    "blood-cells": boxes,
    "digits-en": words,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PAGE, help="the folder of the page (default: docs/gallery)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="make these models' sections, and keep the others (default: all)")
    options = parser.parse_args()
    if unknown := set(options.names) - SHOWN.keys():
        parser.error(f"nothing is shown of {', '.join(sorted(unknown))}. Choose from {', '.join(SHOWN)}.")
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    page = out / "README.md"
    sections = standing(page.read_text(encoding="utf-8")) if page.exists() else {}
    for name, part in SHOWN.items():
        if name in bundled() and name in (options.names or SHOWN):
            try:
                sections[name] = part(name, RECIPES / f"{name}.toml", out) + f"\n{limelight.open(name).manifest.card.attribution}\n"
            except RecipeError as error:  # its data are not on this machine
                print(f"{name} is left {'as it was' if name in sections else 'out'}: {error}", file=sys.stderr)
    with replaced(page) as draft:
        draft.write_text("\n".join([HEAD, *(sections[name] for name in SHOWN if name in sections and name in bundled())]), encoding="utf-8")


def standing(page: str) -> dict[str, str]:
    """The sections of a page as it stands, by the model's name."""
    parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]
    return {part.removeprefix("## ").partition(":")[0]: part.rstrip("\n") + "\n" for part in parts}


main()
