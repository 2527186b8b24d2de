"""limelight models: the list and the cards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

from published import published

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


def test_a_published_folder_is_told_in_lines(limelight: Run, model: Path, tmp_path: Path) -> None:
    theirs = published("bert-ForSequenceClassification", tmp_path / "b")
    size = sum(path.stat().st_size for path in (tmp_path / "b").iterdir())
    lines = dict(line.split(maxsplit=1) for line in limelight("models", "b").lines[1:])
    assert lines == {
        "family": "bert",
        "made": "to     classify",
        "can": "classify, embed, sense",
        "parameters": f"{theirs.num_parameters():,}",
        "weights": "fp32",
        "bytes": f"{size:,}",
        "heads": "classes (3: LABEL_0, LABEL_1, LABEL_2)",
        "reads": "60 tokens",
    }
    both = limelight("models", "b", model)
    assert both.out.startswith("b (published): b\n")
    assert both.out.endswith("\n\n# tiny\n")


@pytest.mark.parametrize(
    ("name", "task", "heads", "context"),
    [
        ("gpt2-LMHeadModel", "generate", ["lm"], 60),
        ("marian-MTModel", "translate", ["lm"], 60),
        ("t5-ForConditionalGeneration", "translate", ["lm"], None),
        ("bert-ForQuestionAnswering", "answer", ["span"], 60),
        ("bert-Model", "embed", [], 60),
    ],
)
def test_a_published_folder_as_json(limelight: Run, tmp_path: Path, name: str, task: str, heads: list[str], context: int | None) -> None:
    from limelight.hub import open_model

    published(name, tmp_path / "p")
    (found,) = [json.loads(line) for line in limelight("models", "p", "--json").lines]
    opened = open_model(tmp_path / "p")
    assert (found["form"], found["family"], found["task"]) == ("published", opened.model.spec.family, task)
    assert opened.manifest.task == task
    assert found["parameters"] == sum(weight.numel() for weight in opened.model.parameters())
    assert ([head["name"] for head in found["heads"]], found["context"]) == (heads, context)
    assert found["readme"] == ""


def test_published_folders_are_listed_among_ours(limelight: Run, model: Path, tmp_path: Path) -> None:
    published("gpt2-LMHeadModel", tmp_path / "all" / "theirs")
    published("gpt2-LMHeadModel", tmp_path / "all" / "broken")
    shutil.copytree(model, tmp_path / "all" / "ours")
    (tmp_path / "all" / "broken" / "config.json").write_text('{"model_type": "gpt3"}')
    rows = limelight("models", "--folder", "all").lines
    assert [row.split()[:2] for row in rows if row.startswith("theirs")] == [["theirs", "generate"]]
    assert any(row.startswith("broken") and 'Did you mean "gpt2"' in row for row in rows)
    assert any(row.startswith("tiny") for row in rows)
    one_line(limelight("models", tmp_path / "all" / "broken"), "model_type 'gpt3' is not known here", 'Did you mean "gpt2"')


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
