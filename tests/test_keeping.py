"""What was measured of a model is kept with it, in our folders and beside published ones, and read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tiny
from limelight.errors import InputError, WeightError
from limelight.hub import keep, open_model, save
from limelight.hub.keeping import FILE
from limelight.manifest import Aligner, Measure
from limelight.tasks.align import Align
from published import published

ALIGNER = Aligner(attention="decoder.1.cross", heads=(1,), shift=1, even=True, aer=0.25, low=0.2, high=0.3, pairs=9, measured_on="gold")
SENSES = Measure(what="accuracy", score=0.6, low=0.5, high=0.7, baseline=0.4, by="chance", at="layer 2", items=80, measured_on="texts")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    pieces, model = tiny.untrained()
    save(tmp_path / "ours", model=model, text=pieces, manifest=tiny.manifest(pieces, model.spec, aligner=None), card="# card\n")
    return tmp_path / "ours"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    published("marian-MTModel", tmp_path / "theirs")
    return tmp_path / "theirs"


@pytest.mark.parametrize("kind", ["ours", "theirs"])
def test_what_was_measured_is_there_when_the_folder_is_opened_again(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    written = keep(folder, aligner=ALIGNER)
    assert keep(folder, measured={"sense": SENSES}) == written
    assert written.name == ("limelight.json" if kind == "ours" else FILE)
    opened = open_model(folder, dtype="fp32")
    assert opened.manifest.aligner == ALIGNER
    assert opened.manifest.measured == {"sense": SENSES}
    assert Align(opened)("Tom sees.", target="Tom voit.").trust.startswith("alignment error rate 0.25 (0.20 to 0.30) on 9 gold pairs")
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path != written}
    assert after == {name: data for name, data in before.items() if name != written.name}


def test_a_measure_is_said_with_all_that_it_rests_on() -> None:
    assert str(SENSES) == "accuracy 0.600 (0.500 to 0.700) in layer 2, chance 0.400, on 80 of texts"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aligner": {"attention": "decoder.9.cross"}}, r'looks at "decoder.9.cross", heads \[1\], which the model does not have'),
        ({"aligner": {"heads": [400]}}, "which the model does not have"),
        ({"aligner": {"aer": 7}}, "aligner.aer"),
        ({"aligner": {"command": "rm"}}, 'unknown key "aligner.command"'),
        ({"format": 2}, "format"),
        ({"measured": {"sense": {"what": "x" * 81}}}, "measured"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(theirs: Path, change: dict[str, Any], said: str) -> None:
    path = keep(theirs, aligner=ALIGNER, measured={"sense": SENSES})
    told = json.loads(path.read_text())
    for part, fields in change.items():
        told[part] = {**told[part], **fields} if isinstance(fields, dict) else fields
    path.write_text(json.dumps(told))
    with pytest.raises(WeightError, match=said) as caught:
        open_model(theirs)
    assert "\n" not in str(caught.value)


def test_a_file_that_bites_is_refused(theirs: Path, tmp_path: Path) -> None:
    path = theirs / FILE
    for content, said in (("{", "is not JSON"), ("[]", "holds no table"), (" " * (1 << 17), "at most 65,536 are believed")):
        path.write_text(content)
        with pytest.raises(WeightError, match=said):
            open_model(theirs)
    path.unlink()
    (tmp_path / "elsewhere.json").write_text("{}")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(WeightError, match="leaves the folder"):
        open_model(theirs)


def test_nothing_is_kept_where_no_model_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no model folder"):
        keep(tmp_path, aligner=ALIGNER)
    assert list(tmp_path.iterdir()) == []


def test_models_are_listed_with_what_was_measured(theirs: Path, ours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from limelight.cli import main

    def shown(folder: Path) -> str:
        assert main(["models", str(folder)]) == 0
        return capsys.readouterr().out

    assert "Measured besides" not in shown(theirs) + shown(ours)
    for folder in (theirs, ours):
        keep(folder, aligner=ALIGNER, measured={"sense": SENSES})
    told = shown(theirs)
    assert "- align: alignment error rate 0.25 (0.20 to 0.30) on 9 gold pairs" in told
    assert "- sense: accuracy 0.600" in told
    assert "- sense: accuracy 0.600" in shown(ours)
    assert "- align" not in shown(ours), "its card says that"
