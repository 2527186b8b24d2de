"""One tiny model that all task tests share. Limelight is imported inside: the type checker of the tests comes first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def opened(tiny_folder: Path) -> Any:
    """The tiny model, open."""
    from limelight.hub import open_model

    return open_model(tiny_folder, device="cpu", dtype="fp32")


@pytest.fixture(scope="session")
def translate(opened: Any) -> Any:
    """The tiny model, translating."""
    from limelight.tasks.translate.task import Translate

    return Translate(opened)
