"""Words on the waveform, at the times that the model gives them, above the true ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import limelight
from limelight.tasks.recipes.transcribe.hearing import Recorded
from limelight.tasks.transcribe import Transcribed

from .examples import first, kept

COUNT, WIDE, HIGH, LINE = 3, 1000, 160, 24
WAVE, HEARD, TRUE = "#9aa7b4", "#d4551f", "#2a7d4f"


def words(name: str, recipe: Path, out: Path) -> str:
    """A section of the page: a wave a recording."""
    transcribe = limelight.task("transcribe", name)
    lines = [f"## {name}: words on the wave\n", "Above: heard, with the share of attention that lies at the word. Below: said.\n"]
    for number, example in enumerate(first(recipe, COUNT), 1):
        result = transcribe(example.sound, words=True)
        lines.append(kept(_drawn(example, result, transcribe.opened.sounds.rate), out / f"{name}-{number}.png") + "\n")
    return "\n".join(lines) + "\n"


def _drawn(example: Recorded, result: Transcribed, rate: int) -> Image.Image:
    samples = np.asarray(example.sound)
    page = Image.new("RGB", (WIDE, HIGH + 2 * LINE), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(LINE * 2 // 3)
    middle, loudest = LINE + HIGH / 2, max(float(np.abs(samples).max()), 1e-9)
    for x, piece in enumerate(np.array_split(samples, WIDE)):
        reach = float(np.abs(piece).max(initial=0.0)) / loudest * HIGH / 2
        pen.line((x, middle - reach, x, middle + reach), fill=WAVE)
    scale = WIDE * rate / len(samples)
    heard = [(word.start, word.end, f"{word.text} {word.trust:.2f}") for word in result.words]
    said = [(start, end, text) for text, start, end in example.said.words]
    for spans, colour, top, down in ((heard, HEARD, 0, LINE), (said, TRUE, LINE + HIGH, LINE + HIGH / 2)):
        for start, end, text in spans:
            pen.line((start * scale, down, start * scale, down + HIGH / 2), fill=colour)
            pen.line((start * scale, down, min(end * scale, WIDE - 1), down), fill=colour, width=2)
            pen.text((start * scale + 2, top), text, fill=colour, font=font)
    return page
