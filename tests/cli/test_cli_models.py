"""limelight models: the list and the cards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]


def test_a_folder_of_models_is_listed(limelight: Run, model: Path) -> None:
    for folder in (model, model.parent):
        head, *rows = limelight("models", "--folder", folder).lines
        assert head.split() == ["NAME", "TASK", "LANGUAGES", "PARAMETERS", "SIZE", "LICENCE", "SCORES"]
        (row,) = [row for row in rows if row.startswith("tiny")]
        assert "translate" in row
        assert "en > fr" in row


def test_json_tells_size_and_parameters_as_they_are(limelight: Run, model: Path) -> None:
    from limelight.hub import open_model

    (found,) = [each for line in limelight("models", "--json", "--folder", model).lines if (each := json.loads(line))["name"] == "tiny"]
    assert found["parameters"] == sum(p.numel() for p in open_model(model).model.parameters())
    assert found["bytes"] == sum(path.stat().st_size for path in model.iterdir())
    assert found["aligner"]["aer"] == 0.5


def test_scales_of_packed_weights_are_no_parameters(limelight: Run, model: Path, tmp_path: Path) -> None:
    from limelight.hub import open_model, save

    opened = open_model(model)
    save(tmp_path / "packed", model=opened.model, text=opened.text, manifest=opened.manifest, card="", bits="int8")
    both = {json.loads(line)["folder"]: json.loads(line) for line in limelight("models", model, "packed", "--json").lines}
    assert both["packed"]["parameters"] == both[str(model)]["parameters"]
    assert both["packed"]["bytes"] < both[str(model)]["bytes"]


def test_a_name_shows_the_card(limelight: Run, model: Path) -> None:
    assert limelight("models", model).out == "# tiny\n"
    assert json.loads(limelight("models", model, "--json").out)["readme"] == "# tiny\n"
    one_line(limelight("models", "en-fx"), 'no model "en-fx"')


def test_one_that_is_broken_is_listed_as_such(limelight: Run, model: Path, tmp_path: Path) -> None:
    for name in ("good", "bad", "torn"):
        shutil.copytree(model, tmp_path / "all" / name)
    (tmp_path / "all" / "bad" / "limelight.json").write_text("{}")
    (tmp_path / "all" / "torn" / "model.safetensors").write_bytes(b"1234567890")
    ran = limelight("models", "--folder", "all")
    assert ran.code == 0
    assert any(line.startswith("bad") and '"name" is missing' in line for line in ran.lines)
    assert any(line.startswith("torn") and "cannot be read" in line for line in ran.lines)
    assert any(line.startswith("tiny") and "translate" in line for line in ran.lines)


def test_a_folder_without_models(limelight: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_line(limelight("models", "--folder", tmp_path), "no model in", "limelight.json")
    monkeypatch.setattr("limelight.hub.bundled", dict)
    assert limelight("models").out == "No models.\n"
