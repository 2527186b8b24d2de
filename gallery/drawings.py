"""Drawings: the first sixteen seeds of the first texts."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import limelight

from .examples import first, kept

TEXTS, SEEDS, TIMES = 3, range(16), 3


def drawings(name: str, recipe: Path, out: Path) -> str:
    """A section of the page: a grid a text."""
    draw = limelight.task("draw", name)
    lines = [f"## {name}: drawings, seeds 0 to {SEEDS[-1]}\n"]
    for number, asked in enumerate(first(recipe, TEXTS), 1):
        text = asked.example.texts[0]
        sheet = draw(text, seeds=SEEDS).grid()
        larger = sheet.resize((sheet.width * TIMES, sheet.height * TIMES), Image.Resampling.NEAREST)
        lines.append(f"*{text}*\n\n" + kept(larger, out / f"{name}-{number}.png") + "\n")
    return "\n".join(lines) + "\n"
