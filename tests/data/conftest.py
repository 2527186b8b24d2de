from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tatoeba() -> Path:
    root = Path(os.environ.get("LIMELIGHT_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
    path = root / "tatoeba_eng_fra" / "fra.txt"
    if not path.exists():
        pytest.skip(f"the Tatoeba pairs are not at {path}")
    return path
