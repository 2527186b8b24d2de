"""The models of scenes that come with the package do what their cards say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import limelight
from limelight.data.box_lessons import as_marked
from limelight.data.scenes import agree, drawn, find, kinds, read
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


@pytest.mark.skipif("scenes-draw" not in bundled(), reason="the model scenes-draw is not bundled")
def test_drawings_hold_what_their_own_texts_ask_for_and_not_what_others_do() -> None:
    draw, few = limelight.task("draw", "scenes-draw"), SCENES[:30]
    told = [read(each.texts[0]) for each in few]
    things = [find(np.asarray(draw(each.texts[0]).pictures[0].image)) for each in few]
    own, others = (
        [drawn(text, seen).all_of for text, seen in zip(texts, things, strict=True) if text is not None]
        for texts in (told, [*told[1:], told[0]])
    )
    assert len(own) == len(few)
    share, by_chance = (sum(there for _, there in found) / sum(asked for asked, _ in found) for found in (own, others))
    assert share > 0.65
    assert by_chance < share - 0.2
    assert float(limelight.open("scenes-draw").manifest.card.scores["all asked for, new kinds"]) > 70


def test_the_card_says_how_good_it_is_on_what_it_never_learnt() -> None:
    scores = limelight.open("scenes-detect").manifest.card.scores
    assert float(scores["mAP50"]) > 90
    assert float(scores["mAP50, scenes with new kinds"]) > 85
