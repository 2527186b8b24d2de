"""limelight prune: what is written opens, is smaller, and claims nothing that was measured of the whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ran import one_line

from limelight.hub import open_model
from limelight.look import prune
from published import published

Run = Callable[..., Any]


def test_the_smaller_model_opens(limelight: Run, model: Path, tmp_path: Path) -> None:
    heads = ["--heads", "decoder.0.cross:1,3", "--heads", "encoder.*:0"]
    told = json.loads(limelight("prune", model, "smaller", *heads, "--json").out)
    whole, again = open_model(model, dtype="fp32"), open_model(tmp_path / "smaller", dtype="fp32")
    wanted = prune(whole.model, {"decoder.0.cross": [1, 3], "encoder.*": [0]})
    assert told["parameters"] == sum(p.numel() for p in again.model.parameters()) < told["parameters before"]
    assert told["heads"] == {name: a.heads for name, a in wanted.attentions().items()}
    assert (again.manifest.aligner, again.manifest.card.scores) == (None, {})
    assert "Nothing has been measured" in (tmp_path / "smaller" / "README.md").read_text()
    state = again.model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in wanted.state_dict().items())
    assert limelight("translate", "--model", "smaller", "le chat").code == 0


def test_a_published_folder_too(limelight: Run, tmp_path: Path) -> None:
    published("bert-ForSequenceClassification", tmp_path / "b")
    assert limelight("prune", "b", "less", "--heads", "encoder.*.self:0,1").out.startswith("less: 4 heads fewer, ")
    assert {a.heads for a in open_model(tmp_path / "less", dtype="fp32").model.attentions().values()} == {2}


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ("decoder.0.cross", "heads are named as attention:number,number"),
        ("decoder.0.cross:x", "heads are named as attention:number,number"),
        ("decoder.0.crss:1", 'no attention is named "decoder.0.crss"'),
        ("decoder.0.cross:9", "decoder.0.cross has 4 heads, 0 to 3: got 9"),
        ("decoder.0.cross:0,1,2,3", "an attention keeps a head at least"),
    ],
)
def test_what_cannot_go_is_one_line_and_nothing_is_written(limelight: Run, model: Path, tmp_path: Path, heads: str, said: str) -> None:
    one_line(limelight("prune", model, "smaller", "--heads", heads), said)
    assert not (tmp_path / "smaller").exists()
