"""From a recipe to a model that says what is on a picture: scenes and listed files, what is learnt, scores, and the folder that is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import limelight
from limelight.data import read_table
from limelight.data.scenes import read, say
from limelight.data.shown import Painted
from limelight.errors import InputError, RecipeError
from limelight.hub import Opened, open_model, save
from limelight.inputs.pictures import read as open_picture
from limelight.tasks.caption.matching import likelihoods, ranks
from limelight.tasks.recipes import Workshop, trade_of
from limelight.tasks.recipes.caption.scoring import Answered, score
from limelight.tasks.recipes.caption.trade import Captioning
from limelight.tasks.recipes.shown import said
from limelight.train import CaptionRecipe, Event, Finished, Stepped, read_recipe

TRADE = Captioning()
NAMES = ["red", "green", "blue", "white", "black", "yellow"]
RECIPE = """\
name = "colours"
task = "caption"
data = {{ {data} }}
tokenizer = {{ vocab = 262 }}
model = {{ dim = 32, depth = 1, heads = 2, hidden = 32, squares = {{ square = 8, depth = 1, heads = 2, hidden = 32 }} }}
batches = {{ size = 16 }}
plan = {{ steps = 120, lr = 5e-3, warmup = 5, save_every = 0, eval_every = 0, log_every = 20, precision = "fp32" }}
card = {{ summary = "Names colours.", license = "none", attribution = "nobody", limits = ["It knows six words."] }}
"""
SCENES = 'kind = "scenes", side = 32, epoch = 50, valid = 6, test = 10'
LISTED = 'kind = "listed", path = "list.tsv", folder = "pictures", texts = ["name", "more"], split = ",", side = 16, valid = 6, test = 6'


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of one colour each, of several shades, with their names."""
    folder = tmp_path_factory.mktemp("colours")
    (folder / "pictures").mkdir()
    rows = ["file\tname\tmore"]
    for n in range(60):
        name = NAMES[n % len(NAMES)]
        Image.new("RGB", (20, 20), name).save(folder / "pictures" / f"{n}.png")
        rows.append(f"{n}.png\t{name}\t{name}, all {name}")
    (folder / "list.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "listed.toml").write_text(RECIPE.format(data=LISTED), encoding="utf-8")
    (folder / "scenes.toml").write_text(RECIPE.format(data=SCENES), encoding="utf-8")
    return folder


def recipe(beside: Path, name: str) -> CaptionRecipe:
    found = read_recipe(beside / f"{name}.toml")
    assert isinstance(found, CaptionRecipe)
    return found


@pytest.fixture(scope="module")
def learnt(beside: Path) -> tuple[Workshop, list[Event]]:
    workshop = TRADE.prepare(recipe(beside, "listed"), beside, device="cpu")
    return workshop, list(TRADE.learn(workshop, folder=None))


@pytest.fixture(scope="module")
def shipped(learnt: tuple[Workshop, list[Event]], beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path = TRADE.finish(learnt[0], tmp_path_factory.mktemp("model") / "colours", beside=beside, trained="here and now")
    return open_model(path, device="cpu", dtype="fp32")


def test_preparing_twice_gives_the_same(beside: Path) -> None:
    for name in ("listed", "scenes"):
        one = TRADE.prepare(recipe(beside, name), beside, device="cpu")
        torch.randn(3)
        two = TRADE.prepare(recipe(beside, name), beside, device="cpu")
        assert all(torch.equal(a, b) for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values(), strict=True))
        lesson, again = (each.batches.batch(each.batches.order(1)[0]) for each in (one, two))
        assert torch.equal(lesson.source.values, again.source.values)
        assert torch.equal(lesson.target.values, again.target.values)


def test_scenes_are_new_in_every_epoch_and_half_of_those_held_out_have_a_new_kind(beside: Path) -> None:
    r = recipe(beside, "scenes")
    split = TRADE.prepare(r, beside, device="cpu").split
    seen = {each.scene for epoch in (0, 1) for each in split.learnt(epoch)}
    assert len(seen) == 100
    held = TRADE.held_out(r, beside, "test")
    assert [each.novel for each in held] == [True, False] * 5
    assert not seen & {each.scene for each in held}
    kept_back = split.learnt(0)[0].kinds.held
    assert len(kept_back) == 8
    assert not any(thing.kind in kept_back for scene in seen for thing in scene.things)


def test_plain_words_come_first_and_all_words_are_known(beside: Path) -> None:
    r = recipe(beside, "scenes")
    r = replace(r, data=replace(r.data, plain=1))
    shop = TRADE.prepare(r, beside, device="cpu")
    first, second = ({word for each in shop.split.learnt(turn) for word in each.texts[0].split()} for turn in (0, 1))
    assert "tiny" not in first
    assert "tiny" in second
    assert any("tiny" in text for text in said(r.data, shop.split))         # pieces are learnt from all words
    assert not any(each.plain for each in shop.split.test)


def test_it_learns_to_name_and_ships_what_was_measured(learnt: tuple[Workshop, list[Event]], shipped: Opened, beside: Path) -> None:
    events = learnt[1]
    assert isinstance(events[-1], Finished)
    losses = [each.nll for each in events if isinstance(each, Stepped)]
    assert losses[-1] < losses[0] / 4
    test = TRADE.held_out(recipe(beside, "listed"), beside, "test")
    found = {each.name: each for each in TRADE.evaluate(shipped, test)}
    assert found["named exactly"].value == 100
    assert {name: round(each.value, 1) for name, each in found.items()}.items() <= shipped.manifest.card.scores.items()
    told = (shipped.folder / "README.md").read_text()
    for part in ("It knows six words.", "here and now", "48 pictures with texts to learn from, 6 and 6 held out", "named exactly"):
        assert part in told
    caption = limelight.task("caption", shipped, dtype="fp32")
    assert caption(Image.new("RGB", (50, 30), "blue")).text == "blue"


def test_an_encoder_begins_as_anothers(shipped: Opened, beside: Path) -> None:
    r = recipe(beside, "listed")
    begun = replace(r, model=replace(r.model, begin=str(shipped.folder)))
    model, other = TRADE.prepare(begun, beside, device="cpu").model, shipped.model
    assert model.encoder is not None
    assert other.encoder is not None
    for a, b in zip(model.encoder.state_dict().values(), other.encoder.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(RecipeError, match="its encoder is of another size"):
        TRADE.prepare(replace(begun, model=replace(begun.model, squares=replace(r.model.squares, depth=2))), beside, device="cpu")


def test_what_the_other_lacks_is_loud_enough_to_be_heard(beside: Path, tmp_path: Path) -> None:
    r = recipe(beside, "listed")
    deep = replace(r, model=replace(r.model, squares=replace(r.model.squares, depth=2)))
    shop = TRADE.prepare(deep, beside, device="cpu")
    save(tmp_path, model=shop.model, text=shop.text, manifest=shop.manifest, card="", bits="fp32")
    told = replace(deep.model, begin=str(tmp_path), squares=replace(deep.model.squares, between=True))
    other, begun = shop.model.encoder, TRADE.prepare(replace(deep, model=told), beside, device="cpu").model.encoder
    assert other is not None
    assert begun is not None
    found = begun.state_dict()
    assert found.keys() - other.state_dict().keys() == {"embed.between"}
    assert all(torch.equal(found[key], each) for key, each in other.state_dict().items())
    assert 1 < float(found["embed.between"].std()) < 3               # as what trained layers hand on


def test_a_table_of_ones_own_is_scored(shipped: Opened, beside: Path, tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), "green").save(tmp_path / "g.png")
    (tmp_path / "own.csv").write_text("file,text\ng.png,Green\n", encoding="utf-8")
    examples = TRADE.of_table(shipped, read_table(str(tmp_path / "own.csv")), TRADE.columns)
    answers = TRADE.answers(shipped, examples)
    assert {each.name: each.value for each in TRADE.scores(examples, answers)}["named exactly"] == 100
    assert TRADE.row(examples[0], answers[0]) == {"picture": "g.png", "text": "Green", "caption": "green", "place": None}
    (tmp_path / "own.csv").write_text("file,text\ng.png,\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 1: a picture or a text is missing"):
        TRADE.of_table(shipped, read_table(str(tmp_path / "own.csv")), TRADE.columns)


def test_texts_are_weighed_as_one_by_one(shipped: Opened) -> None:
    shown = [open_picture(Image.new("RGB", (16, 16), name)) for name in NAMES[:3]]
    found = likelihoods(shipped, shown, NAMES)
    alone = torch.stack([torch.cat([likelihoods(shipped, [one], [name])[0] for name in NAMES]) for one in shown])
    assert torch.allclose(found, alone, atol=1e-4)
    assert ranks(found[:, :3]) == [1, 1, 1]
    assert ranks(torch.tensor([[0.1, 0.9], [0.5, 0.5]])) == [2, 2]


def test_scores_of_scenes_are_counted_by_rule(beside: Path) -> None:
    held = [each for each in TRADE.held_out(recipe(beside, "scenes"), beside, "test") if isinstance(each, Painted)]
    true = [Answered(each.texts[0]) for each in held]
    found = {each.name: each for each in score(held, true)}
    assert {each.value for each in found.values()} == {100.0}
    assert found["exact captions, new kinds"].interval > 0
    other = [Answered(each.text) for each in true[2:] + true[:2]]
    assert score(held, other)[0].value < 50
    assert read(say(held[0].scene, seed=9, index=9)) is not None
    with pytest.raises(InputError, match="1 captions of 10 pictures"):
        score(held, true[:1])


def test_the_trade_of_the_task_is_this(beside: Path) -> None:
    assert isinstance(trade_of("caption"), Captioning)
    assert TRADE.needs(recipe(beside, "listed"), beside) == [beside / "list.tsv"]
    assert TRADE.needs(recipe(beside, "scenes"), beside) == []
