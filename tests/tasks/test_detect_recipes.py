"""From a recipe to a model that finds objects: scenes and an album, what is learnt, scores, and the folder that is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import limelight
from limelight.data.boxes import Mark, Marked, to_voc
from limelight.data.shown import Painted
from limelight.errors import InputError
from limelight.hub import Opened, open_model
from limelight.tasks.recipes import Workshop, trade_of
from limelight.tasks.recipes.detect.trade import Detecting, divided
from limelight.train import DetectRecipe, Event, Finished, Stepped, read_recipe

TRADE = Detecting()
RECIPE = """\
name = "discs"
task = "detect"
data = {{ {data} }}
model = {{ dim = 32, depth = 1, heads = 2, hidden = 32, reads = {{ {reads} }} }}
batches = {{ size = 8 }}
plan = {{ steps = {steps}, lr = 3e-3, warmup = 5, save_every = 0, eval_every = 0, log_every = 20, precision = "fp32" }}
card = {{ summary = "Finds discs.", license = "none", attribution = "nobody", limits = ["It knows two kinds."] }}
"""
ALBUM = 'kind = "album", path = "album", labels = ["disc", "box"], rows = 32, columns = 48, changes = { cut = 0.0 }'
FEATURES = 'kind = "features", stem = 8, widths = [8, 16], depths = [1, 1]'
SCENES = 'kind = "scenes", side = 32, epoch = 64, valid = 6, test = 10'


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An album of dark discs and light boxes, as VOC lays it out."""
    folder = tmp_path_factory.mktemp("discs")
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / "album" / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    for n in range(40):
        image, marks = Image.new("RGB", (48, 32), (128, 128, 128)), []
        for half, label in enumerate(("disc", "box")):
            x, y, reach = 12 + 24 * half + int(random.integers(-4, 5)), 16 + int(random.integers(-6, 7)), int(random.integers(5, 8))
            box = (x - reach, y - reach, x + reach, y + reach)
            pen = ImageDraw.Draw(image)
            pen.ellipse(box, fill=(10, 10, 10)) if label == "disc" else pen.rectangle(box, fill=(250, 250, 250))
            marks.append(Mark(label, (float(box[0]), float(box[1]), box[2] + 1.0, box[3] + 1.0)))
        path = folder / "album" / "JPEGImages" / f"{n:03d}.png"
        image.save(path)
        (folder / "album" / "Annotations" / f"{n:03d}.xml").write_text(to_voc(Marked(path, (32, 48), tuple(marks))), encoding="utf-8")
    for part, numbers in {"train": range(28), "val": range(28, 34), "test": range(34, 40)}.items():
        names = "".join(f"{n:03d}\n" for n in numbers)
        (folder / "album" / "ImageSets" / "Main" / f"{part}.txt").write_text(names, encoding="utf-8")
    (folder / "album.toml").write_text(RECIPE.format(data=ALBUM, reads=FEATURES, steps=200), encoding="utf-8")
    (folder / "scenes.toml").write_text(RECIPE.format(data=SCENES, reads='kind = "squares", square = 8', steps=2), encoding="utf-8")
    return folder


def recipe(beside: Path, name: str) -> DetectRecipe:
    found = read_recipe(beside / f"{name}.toml")
    assert isinstance(found, DetectRecipe)
    return found


@pytest.fixture(scope="module")
def learnt(beside: Path) -> tuple[Workshop, list[Event]]:
    workshop = TRADE.prepare(recipe(beside, "album"), beside, device="cpu")
    return workshop, list(TRADE.learn(workshop, folder=None))


@pytest.fixture(scope="module")
def shipped(learnt: tuple[Workshop, list[Event]], beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path = TRADE.finish(learnt[0], tmp_path_factory.mktemp("model") / "discs", beside=beside, trained="here and now")
    return open_model(path, device="cpu", dtype="fp32")


def test_preparing_twice_gives_the_same(beside: Path) -> None:
    for name in ("album", "scenes"):
        one = TRADE.prepare(recipe(beside, name), beside, device="cpu")
        torch.randn(3)
        two = TRADE.prepare(recipe(beside, name), beside, device="cpu")
        assert all(torch.equal(a, b) for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values(), strict=True))
        lesson, again = (each.batches.batch(each.batches.order(1)[0]) for each in (one, two))
        assert torch.equal(lesson.batch.values, again.batch.values)
        assert all(torch.equal(a, b) for a, b in zip(lesson.boxes, again.boxes, strict=True))


def test_it_learns_to_find_and_ships_what_was_measured(learnt: tuple[Workshop, list[Event]], shipped: Opened, beside: Path) -> None:
    events = learnt[1]
    assert isinstance(events[-1], Finished)
    losses = [each.loss for each in events if isinstance(each, Stepped)]
    assert losses[-1] < losses[0] / 2
    found = {each.name: each for each in TRADE.evaluate(shipped, TRADE.held_out(recipe(beside, "album"), beside, "test"))}
    assert found["mAP50"].value > 60
    assert {name: round(each.value, 1) for name, each in found.items()}.items() <= shipped.manifest.card.scores.items()
    told = (shipped.folder / "README.md").read_text()
    for part in ("It knows two kinds.", "here and now", "28 pictures to learn from, 6 and 6 held out", "disc, box", "mAP50"):
        assert part in told
    detect = limelight.task("detect", shipped, dtype="fp32")
    one = detect(beside / "album" / "JPEGImages" / "034.png", threshold=0.3)
    assert {each.label for each in one.found} <= {"disc", "box"}
    assert one.found


def test_scenes_are_scored_with_and_without_what_is_new(beside: Path) -> None:
    r = recipe(beside, "scenes")
    workshop = TRADE.prepare(r, beside, device="cpu")
    list(TRADE.learn(workshop, folder=None))
    test = TRADE.held_out(r, beside, "test")
    assert all(isinstance(each, Painted) for each in test)
    names = [each.name for each in TRADE.evaluate(workshop.opened(), test)]
    assert names[:2] == ["mAP", "mAP50"]
    assert names[-2:] == ["mAP, scenes with new kinds", "mAP50, scenes with new kinds"]
    assert TRADE.row(test[0], TRADE.answers(workshop.opened(), test[:1])[0]).keys() == TRADE.kept().keys()


def test_other_labels_than_the_recipes_are_refused(beside: Path) -> None:
    found = read_recipe(beside / "album.toml", ['data.labels=["disc"]'])
    assert isinstance(found, DetectRecipe)
    with pytest.raises(InputError, match="marks box, which the recipe's labels lack"):
        divided(found, beside)


def test_the_trade_of_the_task_is_this(beside: Path) -> None:
    assert isinstance(trade_of("detect"), Detecting)
    assert TRADE.needs(recipe(beside, "album"), beside) == [beside / "album"]
    assert TRADE.needs(recipe(beside, "scenes"), beside) == []
