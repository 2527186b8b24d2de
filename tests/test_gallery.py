"""That the gallery's page is made by one command, of whatever models are bundled, and stands in docs as it was made."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from limelight.hub import bundled

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.skipif("scenes-detect" not in bundled(), reason="the model scenes-detect is not bundled")
def test_the_page_is_made_with_its_pictures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gallery", "--out", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"!\[.*?\]\((.*?)\)", page)
    assert sum(name.startswith("scenes-detect-") for name in names) == 7
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) >= 100
    kept = (ROOT / "docs" / "gallery" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^## .*", kept, re.MULTILINE) == re.findall(r"^## .*", page, re.MULTILINE)
