"""A text to learn letters from, made here, and a lab in a folder of its own."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

WORDS = "the cat sat on a mat and ate its red apple while two dogs ran far into green fields".split()


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file where the claims look for Shakespeare."""
    draw = random.Random(0)
    path = tmp_path / "data" / "tinyshakespeare" / "input.txt"
    path.parent.mkdir(parents=True)
    path.write_text(" ".join(draw.choice(WORDS) for _ in range(2000)), encoding="utf-8")
    monkeypatch.setenv("LIMELIGHT_DATA", str(tmp_path / "data"))
    return path
