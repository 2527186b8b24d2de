"""A text to learn letters from, made here, and a lab in a folder of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "ate", "its", "red", "apple", "while", "two", "dogs", "ran", "far")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """A bench of translation on data of our own."""
    import benches

    from limelight.claims import corpus

    corpus.material.cache_clear()
    monkeypatch.setenv("LIMELIGHT_DATA", str(benches.data(tmp_path / "data")))
    return benches.small()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file where the claims look for Shakespeare."""
    draw = random.Random(0)
    root = tmp_path_factory.mktemp("data")
    path = root / "tinyshakespeare" / "input.txt"
    path.parent.mkdir()
    path.write_text(" ".join(draw.choice(WORDS) for _ in range(2000)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIMELIGHT_DATA", str(root))
        yield path
