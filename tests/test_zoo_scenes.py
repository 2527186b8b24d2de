"""The models of scenes that come with the package do what their cards say."""

from __future__ import annotations

import pytest
import torch

import limelight
from limelight.data.box_lessons import as_marked
from limelight.data.scenes import agree, kinds, read
from limelight.data.shown import Painted
from limelight.hub import bundled
from limelight.ops import overlaps
from limelight.tasks.detect import Detected

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not {"scenes-detect", "scenes-caption"} <= bundled().keys(), reason="the models of scenes are not bundled"),
]

SCENES = [Painted(kinds(8), 1_000_003, index, 64, novel=index % 2 == 0) for index in range(60)]     # no part of the recipe's


def found_again(scene: Painted, result: Detected) -> list[bool]:
    """Of each thing, whether it was found where it is, under its own name."""
    found = [(one.label, torch.tensor(one.box)) for one in result.found]
    return [
        any(label == mark.label and float(overlaps(box, torch.tensor(mark.box))) > 0.5 for label, box in found)
        for mark in as_marked(scene).marks
    ]


def test_things_are_found_where_they_are() -> None:
    results = limelight.task("detect", "scenes-detect")([each.picture() for each in SCENES], threshold=0.5)
    known, new = (
        [right for scene, result in zip(SCENES, results, strict=True) if scene.novel is novel for right in found_again(scene, result)]
        for novel in (False, True)
    )
    assert sum(known) / len(known) > 0.85
    assert sum(new) / len(new) > 0.6
    assert sum(len(each.found) for each in results) < 1.2 * (len(known) + len(new))          # nor is much found that is not there


def test_captions_are_true_of_scenes_with_kinds_that_were_never_learnt() -> None:
    told = limelight.task("caption", "scenes-caption")([each.picture() for each in SCENES])
    right = [agree(read(found.text), scene.scene).all for scene, found in zip(SCENES, told, strict=True)]
    assert sum(right) / len(right) > 0.85
    assert float(limelight.open("scenes-caption").manifest.card.scores["exact captions, new kinds"]) > 95


def test_the_card_says_how_good_it_is_on_what_it_never_learnt() -> None:
    scores = limelight.open("scenes-detect").manifest.card.scores
    assert float(scores["mAP50"]) > 90
    assert float(scores["mAP50, scenes with new kinds"]) > 85
