"""From a recipe to a model that draws: both halves of the learning, what is found in drawings, and the folder that is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import limelight
from limelight.codecs import DiscreteVAE, Quantised, build
from limelight.data import read_table
from limelight.data.scenes import Found, kinds
from limelight.data.shown import Painted
from limelight.errors import InputError, RecipeError, SpecError, TaskError, TrainError
from limelight.hub import open_model
from limelight.inputs import Batch
from limelight.inputs.pictures import read as open_picture
from limelight.spec import DiscreteVAE as DiscreteSpec
from limelight.tasks.recipes import trade_of
from limelight.tasks.recipes.caption.trade import Captioning
from limelight.tasks.recipes.draw.lessons import codes_of
from limelight.tasks.recipes.draw.scoring import Answered, Asked, Place, of_seen, score
from limelight.tasks.recipes.draw.trade import Drawing, Shop
from limelight.train import CaptionRecipe, DrawRecipe, Evaluated, Event, Finished, Started, Stepped, Stopped, latest, read_recipe
from limelight.train.codec_learning import COLDEST, HOTTEST, Learner, learner_loss

TRADE = Drawing()
NAMES = ["red", "green", "blue", "orange", "black", "yellow"]
RECIPE = """\
name = "colours"
task = "draw"
data = {{ {data} }}
tokenizer = {{ vocab = 262 }}
model = {{ dim = 32, depth = 2, heads = 2, text = {text} }}
batches = {{ size = 16 }}
plan = {{ steps = 50, lr = 1e-2, warmup = 5, save_every = 20, eval_every = 25, log_every = 10, precision = "fp32" }}
eval = {{ temperature = 0.5 }}
card = {{ summary = "Draws colours.", license = "none", attribution = "nobody", limits = ["It knows six words."] }}
[codec]
kind = "{kind}"
count = 16
width = 8
stages = [1, 2, 2]
batches = {{ size = 16 }}
plan = {{ steps = 70, lr = 6e-3, warmup = 5, save_every = 20, eval_every = 35, log_every = 10 }}
{more}
"""
SCENES = 'kind = "scenes", side = 32, epoch = 40, valid = 4, test = 6'
LISTED = 'kind = "listed", path = "list.tsv", folder = "pictures", texts = ["name", "more"], split = ",", side = 16, valid = 6, test = 6'


def picture(name: str) -> Image.Image:
    """A box of a colour on white."""
    found = Image.new("RGB", (16, 16), "white")
    found.paste(Image.new("RGB", (8, 8), name), (4, 4))
    return found


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a box each, with the names of its colour."""
    folder = tmp_path_factory.mktemp("colours")
    (folder / "pictures").mkdir()
    rows = ["file\tname\tmore"]
    for n in range(60):
        name = NAMES[n % len(NAMES)]
        picture(name).save(folder / "pictures" / f"{n}.png")
        rows.append(f"{n}.png\t{name}\tall {name}")
    (folder / "list.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for name, data, kind, text in (
        ("listed", LISTED, "quantised", 12),
        ("chances", LISTED, "discrete_vae", 12),
        ("scenes", SCENES, "quantised", 160),
    ):
        more = "groups = 2" if kind == "quantised" else "narrow = 16"
        (folder / f"{name}.toml").write_text(RECIPE.format(data=data, kind=kind, text=text, more=more), encoding="utf-8")
    return folder


def recipe(beside: Path, name: str = "listed", *changes: str) -> DrawRecipe:
    found = read_recipe(beside / f"{name}.toml", changes)
    assert isinstance(found, DrawRecipe)
    return found


def prepared(beside: Path, *changes: str, name: str = "listed", folder: Path | None = None) -> Shop:
    return TRADE.prepare(recipe(beside, name, *changes), beside, device="cpu", folder=folder)


@pytest.fixture(scope="module")
def learnt(beside: Path) -> tuple[Shop, list[Event]]:
    workshop = prepared(beside)
    return workshop, list(TRADE.learn(workshop, folder=None))


@pytest.fixture(scope="module")
def shipped(learnt: tuple[Shop, list[Event]], beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TRADE.finish(learnt[0], tmp_path_factory.mktemp("model") / "colours", beside=beside, trained="here and now")


def test_the_codec_learns_first_and_the_transformer_its_codes(learnt: tuple[Shop, list[Event]]) -> None:
    workshop, events = learnt
    began = [each for each in events if isinstance(each, Started)]
    assert [(each.part, each.counts, each.steps) for each in began] == [("codec", "pictures", 70), ("", "", 50)]
    assert [type(each) for each in events].count(Finished) == 2
    half = events.index(began[1])
    for part in (events[:half], events[half:]):
        losses = [each.nll for each in part if isinstance(each, Stepped)]
        assert losses[-1] < losses[0] / 2
    told = [each.scores for each in events[:half] if isinstance(each, Evaluated)][-1]
    assert told["codec's likeness in dB"] > 12
    assert 2 <= told["codes in use"] <= 16
    assert "found in its copies" not in told
    codec = workshop.codec
    assert codec is not None
    assert not any(each.requires_grad for each in codec.parameters())


def test_lessons_are_a_text_and_the_codes_of_its_picture(learnt: tuple[Shop, list[Event]]) -> None:
    workshop = learnt[0]
    drawing, text, codec = workshop.manifest.drawing, workshop.words, workshop.codec
    assert drawing is not None
    assert codec is not None
    order = workshop.batches.order(3)[0]
    rows = workshop.batches.batch(order).values
    examples = [workshop.split.learnt(3)[i] for i in order[2:]]
    assert torch.equal(rows[:, 12:] - drawing.first, codes_of(codec, [each.picture() for each in examples]))
    allowed = [[drawing.caption(text.encode(said).ids, 12) for said in ("", *each.texts)] for each in examples]
    said = [tuple(row) for row in rows[:, :12].tolist()]
    assert all(row in texts for row, texts in zip(said, allowed, strict=True))
    assert len({texts.index(row) for row, texts in zip(said, allowed, strict=True)}) > 1
    assert torch.equal(workshop.batches.batch(order).values, rows)


def test_it_draws_what_it_is_asked_for_and_ships_what_was_measured(shipped: Path, beside: Path) -> None:
    opened = open_model(shipped, device="cpu", dtype="fp32")
    draw = limelight.task("draw", opened, dtype="fp32")
    codec = draw.prompts.codec
    true = [tuple(codes_of(codec, [open_picture(picture(name))])[0].tolist()) for name in NAMES]
    assert sum(draw(name).pictures[0].codes == codes for name, codes in zip(NAMES, true, strict=True)) >= 5
    test = TRADE.held_out(recipe(beside), beside, "test")
    answers = TRADE.answers(opened, test)
    found = {each.name: each for each in TRADE.scores(test, answers)}
    assert {name: round(each.value, 1) for name, each in found.items()}.items() <= opened.manifest.card.scores.items()
    assert found["codec's likeness"].value > 12
    assert found["codes' cost, of what they cost alone"].value < 60
    row = TRADE.row(test[0], answers[0])
    assert row.keys() == TRADE.kept().keys()
    assert (row["asked"], row["place"], row["drawn"]) == (None, None, " ".join(map(str, answers[0].made)))
    told = (shipped / "README.md").read_text()
    for part in ("It knows six words.", "here and now", "48 pictures with texts", "4 x 4 codes", "nobody judged", "by seed 0"):
        assert part in told


def test_a_table_of_ones_own_is_scored(shipped: Path, tmp_path: Path) -> None:
    picture("green").save(tmp_path / "g.png")
    (tmp_path / "own.csv").write_text("file,text\ng.png,Green\n", encoding="utf-8")
    opened = open_model(shipped, device="cpu", dtype="fp32")
    examples = TRADE.of_table(opened, read_table(str(tmp_path / "own.csv")), TRADE.columns)
    assert [each.name for each in TRADE.evaluate(opened, examples)] == ["codes' cost, of what they cost alone", "codec's likeness"]


def broken_off(events: Iterator[Event], part: str, step: int) -> None:
    """Follow a training until a step of a part, and give it up there, as a kill would: nothing more is written."""
    now = ""
    for event in events:
        now = event.part if isinstance(event, Started) else now
        if isinstance(event, Stepped) and (now, event.step) == (part, step):
            return
    raise AssertionError("it came to its end")


def test_killed_in_either_half_it_goes_on_bit_for_bit(beside: Path, tmp_path: Path) -> None:
    quick = ("codec.plan.steps=8", "codec.plan.save_every=4", "codec.plan.log_every=1")
    quick += ("plan.steps=6", "plan.save_every=2", "plan.log_every=1")
    whole = prepared(beside, *quick, folder=tmp_path / "whole")
    list(TRADE.learn(whole, folder=tmp_path / "whole"))
    for part, step in (("codec", 6), ("", 3)):
        run = tmp_path / f"broken{part}"
        broken_off(TRADE.learn(prepared(beside, *quick, folder=run), folder=run), part, step)
        again = prepared(beside, *quick, folder=run)
        events = list(TRADE.learn(again, folder=run, resume="must"))
        began = [each.step for each in events if isinstance(each, Started)]
        assert began == ([4, 0] if part else [8, 2])
        for ours, theirs in ((again.model, whole.model), (again.codec, whole.codec)):
            assert ours is not None
            assert theirs is not None
            assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))


def test_a_stop_in_the_first_half_is_the_end(beside: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    for event in TRADE.learn(prepared(beside, "codec.plan.log_every=1", folder=tmp_path), folder=tmp_path):
        events.append(event)
        if isinstance(event, Stepped):
            os.kill(os.getpid(), signal.SIGINT)
    assert isinstance(events[-1], Stopped)
    assert events[-1].path is not None
    assert events[-1].path.parent == tmp_path / "codec"
    assert latest(tmp_path)[0] is None


def test_codes_of_another_codec_are_not_gone_on_with(beside: Path, tmp_path: Path) -> None:
    quick = ("codec.plan.steps=2", "plan.steps=2")
    list(TRADE.learn(prepared(beside, *quick), folder=tmp_path))
    with pytest.raises(TrainError, match=r"learnt the codes of a codec at step-00000003; .*codec holds step-00000002"):
        list(TRADE.learn(prepared(beside, "codec.plan.steps=3", "plan.steps=4"), folder=tmp_path))
    with pytest.raises(TrainError, match="already holds step-00000002"):
        list(TRADE.learn(prepared(beside, *quick), folder=tmp_path, resume="never"))
    with pytest.raises(TrainError, match="no checkpoint to resume"):
        list(TRADE.learn(prepared(beside, *quick), folder=tmp_path / "other", resume="must"))


def test_a_discrete_codec_learns_too_and_cools(beside: Path) -> None:
    workshop = prepared(beside, "plan.steps=1", "codec.plan.steps=20", "codec.plan.log_every=4", "codec.plan.eval_every=0", name="chances")
    events = [each for each in TRADE.learn(workshop, folder=None) if isinstance(each, Stepped)]
    assert isinstance(workshop.codec, DiscreteVAE)
    assert events[-2].nll < events[0].nll
    learner = Learner(workshop.codec, steps=100)
    assert learner.temperature == HOTTEST
    learner.taken += 50
    assert learner.temperature == COLDEST
    learner.taken += 50
    assert learner.temperature == COLDEST


def test_idle_codes_begin_anew_in_the_first_half_of_the_steps(beside: Path) -> None:
    spec = recipe(beside).codec.spec(8)
    torch.manual_seed(0)
    codec = build(spec)
    assert isinstance(codec, Quantised)
    learner, batch = Learner(codec, steps=40), Batch(torch.rand(4, 3, 8, 8))
    before = codec.table.weight.clone()
    learner_loss(learner, batch)
    assert not torch.equal(codec.table.weight, before)
    assert int(learner.used.sum()) == 4 * 4
    learner.taken.fill_(20)
    learner.used.zero_()
    before = codec.table.weight.clone()
    learner_loss(learner, batch)
    assert torch.equal(codec.table.weight, before)
    assert Learner(build(DiscreteSpec(count=8, rows=8, columns=8, width=4)), steps=2).far == 1.0


def test_scenes_are_judged_by_rule_beside_what_the_codec_can_show(beside: Path) -> None:
    workshop = prepared(beside, "codec.plan.steps=2", "plan.steps=2", name="scenes")
    events = list(TRADE.learn(workshop, folder=None))
    told = [each.scores for each in events if isinstance(each, Evaluated)]
    assert "found in its copies" in told[0]
    assert "found in drawings" in told[-1]
    held = TRADE.held_out(recipe(beside, "scenes"), beside, "test")
    answers = TRADE.answers(workshop.opened(), held[:2])
    copied = answers[0].copied
    assert copied is not None
    assert TRADE.row(held[0], answers[0])["asked"] == copied.all_of[0]
    assert {"objects, new kinds", "objects, known kinds, codec alone"} <= {each.name for each in TRADE.scores(held[:2], answers)}


def answered(found: Found | None, **others: object) -> Answered:
    return replace(Answered((0,), found, found, 30.0, (0, 1), 0.5), **others)


def test_scores_are_shares_of_what_was_asked_for(beside: Path) -> None:
    scenes = [Asked(Painted(kinds(2), 0, i, 32, novel=i < 2)) for i in range(4)]
    full = Found((2, 2), (2, 2), (2, 2), (1, 1), 0)
    half = Found((2, 1), (2, 1), (2, 0), (1, 0), 2)
    found = {each.name: each for each in score(scenes, [answered(full), answered(half), answered(full), answered(full)])}
    assert found["objects, new kinds"].value == 75
    assert found["sizes, new kinds"].value == 50
    assert found["relations, new kinds"].value == 50
    assert found["all asked for, new kinds"].value == pytest.approx(100 * 9 / 14)
    assert found["exact drawings, new kinds"].value == 50
    assert found["things nobody asked for, new kinds"].value == 100
    assert found["exact drawings, known kinds, codec alone"].value == 100
    single = [Found((1, 1), (1, 1), (1, 1), (0, 0), 0)] * 4
    assert not any(each.name.startswith("relations") for each in score(scenes, [answered(each) for each in single]))
    with pytest.raises(InputError, match="1 drawings of 4 texts"):
        score(scenes, [answered(full)])


def test_a_captioner_judges_drawings_of_files(shipped: Path, beside: Path, tmp_path: Path) -> None:
    said = """\
name = "judge"
task = "caption"
data = {}
tokenizer = { vocab = 262 }
model = { dim = 32, depth = 1, heads = 2, hidden = 32, squares = { square = 8, depth = 1, heads = 2, hidden = 32 } }
batches = { size = 16 }
plan = { steps = 70, lr = 5e-3, warmup = 5, save_every = 0, eval_every = 0, precision = "fp32" }
card = { summary = "", license = "", attribution = "" }
"""
    (beside / "judge.toml").write_text(said.replace("data = {}", f"data = {{ {LISTED} }}"), encoding="utf-8")
    captioning, caption = Captioning(), read_recipe(beside / "judge.toml")
    assert isinstance(caption, CaptionRecipe)
    workshop = captioning.prepare(caption, beside, device="cpu")
    list(captioning.learn(workshop, folder=None))
    captioning.finish(workshop, beside / "judge", beside=beside, trained="")
    judged = recipe(beside, "listed", 'eval.judge="judge"')
    assert TRADE.needs(judged, beside) == [beside / "list.tsv", beside / "judge"]
    test = TRADE.held_out(judged, beside, "test")
    one_each = list({each.example.texts[0]: each for each in test}.values())
    assert len(one_each) > 2
    found = {each.name: each for each in TRADE.evaluate(open_model(shipped, device="cpu", dtype="fp32"), one_each)}
    score_of = found["drawing's text, mean reciprocal rank"]
    assert score_of.value > 70
    assert "by chance" in score_of.signature
    assert found["text, codec alone, mean reciprocal rank"].value > 70
    placed = [answered(None, place=Place(1, 2), copied_place=Place(2, 2))] * 2
    measured = TRADE.measure(TRADE.prepare(judged, beside, device="cpu"), open_model(shipped, device="cpu"), beside=beside, trained="")
    assert "What it has learnt" in measured.card
    assert {"seen text first", "seen text, median place"} <= measured.manifest.card.scores.keys()
    assert {each.name: each.value for each in of_seen(placed)}["seen text first"] == 100
    assert of_seen([answered(None)]) == []
    assert {each.name: each.value for each in score(one_each[:2], placed)}["drawing's text first"] == 100
    with pytest.raises(TaskError, match="cannot caption"):
        TRADE.evaluate(open_model(shipped, device="cpu"), [replace(each, judge=str(shipped)) for each in one_each])
    with pytest.raises(RecipeError, match=r"eval\.judge: no model .*Train it first"):
        TRADE.needs(recipe(beside, "listed", 'eval.judge="juge"'), beside)


def test_what_does_not_fit_is_refused_before_anything_is_learnt(beside: Path) -> None:
    with pytest.raises(RecipeError, match=r"what is said of \d+.png has \d+ tokens; there is room for 3"):
        prepared(beside, "model.text=4")
    with pytest.raises(RecipeError, match="learns in fp32"):
        recipe(beside, "listed", 'codec.plan.precision="bf16"')
    with pytest.raises(RecipeError, match="a picture is halved 2 times"):
        recipe(beside, "scenes", "data.side=33")
    with pytest.raises(SpecError, match="fp32"):
        replace(recipe(beside).codec, plan=replace(recipe(beside).plan, precision="bf16"))
    assert isinstance(trade_of("draw"), Drawing)

