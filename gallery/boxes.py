"""Boxes on pictures, and where the places looked that found them."""

from __future__ import annotations

from pathlib import Path

import limelight
from limelight.tasks.detect import drawn, enlarged, sheet

from .examples import ending, first, kept, shown


def boxes(name: str, recipe: Path, out: Path) -> str:
    """A section of the page: all boxes that are more likely than not, and of the first picture where each was looked for."""
    examples = first(recipe)
    pictures, suffix = [shown(each) for each in examples], ending(examples[0])
    results = limelight.task("detect", name)(pictures, look=True)
    lines = [f"## {name}: boxes\n"]
    for number, (picture, result) in enumerate(zip(pictures, results, strict=True), 1):
        lines.append(kept(drawn(*enlarged(picture, result)), out / f"{name}-{number}{suffix}"))
    lines.append("\nWhere each place of the first looked, and how much of that lies in its box:\n")
    lines.append(kept(sheet(*enlarged(pictures[0], results[0])), out / f"{name}-looked{suffix}"))
    return "\n".join(lines) + "\n"
