"""Drawings: the first sixteen seeds of the first texts."""

from __future__ import annotations

from pathlib import Path

import limelight

from .examples import first, kept

TEXTS, SEEDS = 3, range(16)


def drawings(name: str, recipe: Path, out: Path) -> str:
    """A section of the page: a grid a text."""
    draw = limelight.task("draw", name)
    lines = [f"## {name}: drawings, seeds 0 to {SEEDS[-1]}\n"]
    for number, example in enumerate(first(recipe, TEXTS), 1):
        lines.append(f"*{example.texts[0]}*\n")
        lines.append(kept(draw(example.texts[0], seeds=SEEDS).grid(), out / f"{name}-{number}.png") + "\n")
    return "\n".join(lines) + "\n"
