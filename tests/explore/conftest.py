"""A sight of explorers in Chromium, and readings that several files ask about."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Sight
from sheets import GRAMMAR, MASKED, READERS, SENTENCE


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A model by its name: bundled, or a tiny random one of a family."""
    folder = tmp_path_factory.mktemp("explored")

    @functools.cache
    def named(name: str) -> Any:
        from limelight.hub import bundled, open_model

        if name in bundled():
            return open_model(name, dtype="fp32")
        import published
        import shelf

        if name in READERS:
            shelf.keep(name, folder / name)
        else:
            published.published(name, folder / name, max_length=8)
        return open_model(folder / name, dtype="fp32")

    return named


@pytest.fixture(scope="session")
def explored(opened: Callable[[str], Any]) -> Callable[..., Any]:
    """A reading of a text by a model, made once."""

    @functools.cache
    def read(name: str, text: str | None = None) -> Any:
        from limelight.explore import Explorer

        usual = {"en-fr": SENTENCE, "bert-ForMaskedLM": MASKED}.get(name, GRAMMAR)
        return Explorer.of(opened(name), usual if text is None else text)

    return read


@pytest.fixture(scope="session")
def enfr(explored: Callable[..., Any]) -> Any:
    """The sentence, translated."""
    return explored("en-fr")


@pytest.fixture
def sight(chromium: Any, tmp_path: Path) -> Iterator[Sight]:
    with Sight.of(chromium, tmp_path) as seen:
        yield seen


@pytest.fixture(scope="session")
def show(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """What a tiny model says of a picture or a recording, or draws; looked at once."""
    folder = tmp_path_factory.mktemp("shown")

    @functools.cache
    def of(name: str) -> Any:
        import shown_models as models

        import limelight

        given = {"captioner": models.picture_file, "detr": models.picture_file, "whisper": models.sound_file}
        return limelight.explorer(str(models.made(name, folder)), given[name](folder) if name in given else models.TEXT)

    return of
