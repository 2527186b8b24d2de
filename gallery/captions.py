"""Captions, and for each word where the model looked."""

from __future__ import annotations

from pathlib import Path

import limelight

from .examples import first, kept, shown

COUNT = 3


def captions(name: str, recipe: Path, out: Path) -> str:
    """A section of the page: a sheet a picture, with what each word loses without what was looked at, and by chance."""
    caption = limelight.task("caption", name)
    lines = [f"## {name}: captions\n"]
    for number, example in enumerate(first(recipe, COUNT), 1):
        result = caption(shown(example), look=True)
        lines.append(f"*{result.text}* (said of it: {example.texts[0]}). {result.trust}\n")
        lines.append(kept(caption.sheet(shown(example), result), out / f"{name}-{number}.png") + "\n")
    return "\n".join(lines) + "\n"
