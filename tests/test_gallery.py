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
PAGE = ROOT / "docs" / "gallery"


def make(out: Path, *names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gallery", "--out", str(out), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.skipif("scenes-detect" not in bundled(), reason="the model scenes-detect is not bundled")
def test_the_page_is_made_with_its_pictures(tmp_path: Path) -> None:
    done = make(tmp_path)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"!\[.*?\]\((.*?)\)", page)
    assert sum(name.startswith("scenes-detect-") for name in names) == 7
    for name in names:
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) >= 100
    made, kept = (re.findall(r"^## (.*)", each, re.MULTILINE) for each in (page, (PAGE / "README.md").read_text(encoding="utf-8")))
    left_out = re.findall(r"^(\S+) is left out: there is no data at ", done.stderr, re.MULTILINE)
    assert made == [each for each in kept if each.partition(":")[0] not in left_out]


@pytest.mark.skipif("scenes-detect" not in bundled(), reason="the model scenes-detect is not bundled")
def test_sections_that_nobody_asks_for_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "README.md"
    page.write_text("# Old\n\n## scenes-detect: kept\n\nof old\n\n## gone: a model that is no more\n", encoding="utf-8")
    monkeypatch.setenv("LIMELIGHT_DATA", str(tmp_path))
    said = make(tmp_path, "digits-en").stderr
    assert said.startswith("digits-en is left out: there is no data at ") or "digits-en" not in bundled()
    assert page.read_text(encoding="utf-8").endswith("## scenes-detect: kept\n\nof old\n")
