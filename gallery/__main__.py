"""`python -m gallery`: docs/gallery made again, a page and its pictures, by every bundled model that there is something to see of."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

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
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    made = [part(name, RECIPES / f"{name}.toml", out) for name, part in SHOWN.items() if name in bundled()]
    with replaced(out / "README.md") as draft:
        draft.write_text("\n".join([HEAD, *made]), encoding="utf-8")


main()
