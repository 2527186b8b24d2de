"""Drawings, best first: by one in which texts and pictures meet, or by a captioner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessorPil, CLIPModel

import limelight
import shown
from drawers import of_kind
from limelight.errors import TaskError
from limelight.tasks.draw import Drawn

TEXT, SEEDS = "A red cat.", (4, 0, 7, 2)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    return limelight.task("draw", of_kind("alone", tmp_path_factory.mktemp("artist")), dtype="fp32")(TEXT, seeds=SEEDS)


def judge(make: Callable[[Path], object], folder: Path) -> Path:
    make(folder)
    return folder


def test_by_the_cosines_of_their_own_clip(drawn: Drawn, tmp_path: Path) -> None:
    folder = judge(shown.clip, tmp_path)
    theirs, reads = CLIPModel.from_pretrained(folder).eval(), CLIPImageProcessorPil.from_pretrained(folder)
    opened = limelight.open(folder, dtype="fp32")
    pixels = torch.stack([torch.as_tensor(np.asarray(reads(each.image).pixel_values[0])) for each in drawn.pictures])
    with torch.no_grad():
        found = theirs(input_ids=torch.tensor([opened.text.encode(TEXT).ids]), pixel_values=pixels)
    wanted = (found.logits_per_image[:, 0] / theirs.logit_scale.exp()).tolist()
    best = drawn.ranked(opened)
    assert {each.seed: each.score for each in best.pictures} == pytest.approx(dict(zip(SEEDS, wanted, strict=True)), abs=1e-5)
    assert [each.score for each in best.pictures] == sorted((each.score for each in best.pictures), reverse=True)
    same = {each.seed: each.codes for each in drawn.pictures}
    assert all(each.codes == same[each.seed] for each in best.pictures)
    assert best.to_json()["judge"] == opened.manifest.name
    assert "judge" not in drawn.to_json()
    assert "score" not in drawn.to_json()["pictures"][0]


def test_a_text_that_ends_as_a_file_does_is_a_text(drawn: Drawn, tmp_path: Path) -> None:
    opened = limelight.open(judge(shown.clip, tmp_path), dtype="fp32")
    found = [each.score for each in replace(drawn, source="cat.png").ranked(opened).pictures]
    assert found == sorted(found, reverse=True)
    assert found != [each.score for each in drawn.ranked(opened).pictures]


def test_by_what_a_captioner_holds_likely(drawn: Drawn, tmp_path: Path) -> None:
    opened = limelight.open(judge(shown.captioner, tmp_path), dtype="fp32")
    best = drawn.ranked(opened)
    scores = [each.score for each in best.pictures]
    assert scores == sorted(scores, reverse=True)
    assert all(score is not None and score < 0 for score in scores)
    assert sorted(each.seed for each in best.pictures) == sorted(SEEDS)
    assert [each.seed for each in best.ranked(opened).pictures] == [each.seed for each in best.pictures]


def test_others_cannot(drawn: Drawn) -> None:
    with pytest.raises(TaskError, match="en-fr cannot rank drawings"):
        drawn.ranked("en-fr")
