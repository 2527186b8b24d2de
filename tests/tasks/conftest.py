"""One tiny model that all task tests share. Limelight is imported inside: the type checker of the tests comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder: English to French, twenty sentences known by heart."""
    import tiny

    return tiny.folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def opened(tiny_folder: Path) -> Any:
    """The tiny model, open."""
    from limelight.hub import open_model

    return open_model(tiny_folder, device="cpu")


@pytest.fixture(scope="session")
def translate(opened: Any) -> Any:
    """The tiny model, translating."""
    from limelight.tasks.translate import Translate

    return Translate(opened)


@pytest.fixture(scope="session")
def learnt() -> list[tuple[str, str]]:
    """The twenty sentences with their translations."""
    import tiny

    return tiny.LEARNT
