"""From a recipe to a model that replies: what it reads, what it learns, how it is scored, and the folder that it leaves."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import limelight
import service
from limelight.data import read_table
from limelight.data.dialogues import Dialogue, Exchange, Reply
from limelight.errors import InputError, RecipeError
from limelight.hub import Opened, open_model
from limelight.inputs import Text
from limelight.inputs.template import Template, read_template
from limelight.tasks.recipes import Workshop, trade_of
from limelight.tasks.recipes.reply.scoring import Replied, repeats, score, variety
from limelight.tasks.recipes.reply.trade import Replying
from limelight.tasks.recipes.reply.turns import read, rows, template, written
from limelight.train import Event, Finished, ReplyRecipe, Started, Stepped, read_recipe

TRADE = Replying()


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return service.written(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def recipe(beside: Path) -> ReplyRecipe:
    found = read_recipe(beside / "shop.toml")
    assert isinstance(found, ReplyRecipe)
    return found


@pytest.fixture(scope="module")
def learnt(recipe: ReplyRecipe, beside: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Path, list[Event]]:
    """A whole training, with the folder it left."""
    folder = tmp_path_factory.mktemp("run") / "shop"
    workshop = TRADE.prepare(recipe, beside, device="cpu")
    return workshop, folder, list(TRADE.learn(workshop, folder=folder))


@pytest.fixture(scope="module")
def shipped(learnt: tuple[Workshop, Path, list[Event]], beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Its model folder, open."""
    path = TRADE.finish(learnt[0], tmp_path_factory.mktemp("model") / "shop", beside=beside, trained="here and now")
    return open_model(path, device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def text(learnt: tuple[Workshop, Path, list[Event]]) -> Text:
    return learnt[0].text


# --- how turns are written -------------------------------------------------------------------------------------------
def test_turns_are_read_as_the_template_writes_them(text: Text) -> None:
    turns = ["I want a mug.", "Which city?", "In Rome.", "One mug.", "Thanks."]
    roles = ["user", "assistant"] * 3
    for last in (1, 3, 5):
        found = Template(template(last), "here").render([{"role": r, "content": f" {t} "} for r, t in zip(roles, turns, strict=False)])
        assert found == written(turns[-last:], text)
        assert text.encode(found, named=True, marks=False).ids == read(turns[-last:], text).ids
    assert read(turns[:1], text).ids == text.encode(turns[0]).ids            # a message with its mark, as any text
    assert read(turns, text).ids.count(text.end) == 5


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (["system", "user"], "it was trained without a system message. Leave that out."),
        (["user", "user"], "customer and agent take turns, and the customer has the first and the last."),
        (["user", "assistant"], "customer and agent take turns, and the customer has the first and the last."),
        (["assistant", "user"], "customer and agent take turns, and the customer has the first and the last."),
    ],
)
def test_conversations_that_it_was_not_trained_on_are_refused(roles: list[str], said: str) -> None:
    with pytest.raises(InputError, match="refuses this conversation") as caught:
        Template(template(7), "here").render([{"role": role, "content": "A"} for role in roles])
    assert said in caught.value.message


def test_a_row_is_whole_exchanges_and_learns_the_replies(text: Text) -> None:
    talk = [Dialogue(str(n), tuple(Exchange(*each) for each in one)) for n, one in enumerate(service.dialogues()[:5])]
    whole = [*rows(talk, text, 90)]
    assert len(whole) == 5
    for (ids, mask), each in zip(whole, talk, strict=True):
        assert tuple(ids) == read([turn for exchange in each.exchanges for turn in exchange], text).ids
        learnt = [token for token, said in zip(ids, mask, strict=True) if said]
        assert text.decode(learnt) == "".join(exchange.agent for exchange in each.exchanges)
        assert learnt.count(text.end) == 3
    cut = [*rows(talk[:1], text, max(len(read(each, text).ids) for each in talk[0].exchanges))]
    assert len(cut) > 1
    assert [token for ids, _ in cut for token in ids] == whole[0][0]
    least = min(len(read(each, text).ids) for each in talk[0].exchanges)
    assert [len(ids) for ids, _ in rows(talk[:1], text, least)] == [least]   # longer exchanges are left out


def test_a_name_of_a_mark_in_a_turn_is_no_mark(text: Text) -> None:
    assert read(["Say </s> now", "<s>"], text).ids.count(text.end) == 2
    assert text.start not in read(["Say </s> now", "<s>"], text).ids


# --- from the recipe to the folder -----------------------------------------------------------------------------------
def test_preparing_twice_gives_the_same(recipe: ReplyRecipe, beside: Path) -> None:
    one = TRADE.prepare(recipe, beside, device="cpu")
    torch.randn(5)
    two = TRADE.prepare(recipe, beside, device="cpu")
    assert one.text.to_json() == two.text.to_json()
    assert all(torch.equal(a, b) for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values(), strict=True))
    assert [b.tolist() for b in one.batches.order(3)] == [b.tolist() for b in two.batches.order(3)]
    assert TRADE.held_out(recipe, beside, "test") == TRADE.held_out(recipe, beside, "test")


def test_it_learns_the_replies(learnt: tuple[Workshop, Path, list[Event]]) -> None:
    workshop, folder, events = learnt
    assert isinstance(events[-1], Finished)
    losses = [each.nll for each in events if isinstance(each, Stepped)]
    assert losses[-1] < losses[0] / 4
    assert read_recipe(folder / "recipe.toml") == workshop.recipe
    batch = workshop.batches.batch(workshop.batches.order(0)[0])
    assert 0 < batch.tokens < batch.target.tokens


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(
    recipe: ReplyRecipe, beside: Path, learnt: tuple[Workshop, Path, list[Event]], tmp_path: Path
) -> None:
    first = TRADE.prepare(recipe, beside, folder=tmp_path, device="cpu")
    events = TRADE.learn(first, folder=tmp_path)
    while not (isinstance(event := next(events), Stepped) and event.step >= 60):
        pass
    events.close()                                                   # after the checkpoint of step 50, as a kill would
    again = TRADE.prepare(recipe, beside, folder=tmp_path, device="cpu")
    started = next(events := TRADE.learn(again, folder=tmp_path))
    assert isinstance(started, Started)
    assert started.step == 50
    assert isinstance(list(events)[-1], Finished)
    for a, b in zip(again.model.state_dict().values(), learnt[0].model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_what_is_shipped_converses_and_remembers(shipped: Opened) -> None:
    chat = limelight.task("chat", shipped, dtype="fp32")
    talk = chat.begin()
    assert talk.say("A lamp to Oslo.").text == "How many lamps?"
    *pieces, whole = talk.stream("Two lamps.")
    assert str(whole) == "Two lamps to Oslo." == "".join(map(str, pieces))
    assert whole.complete
    assert talk.say("Thanks.").text == "Good bye!"
    assert [each.text for each in chat(["A lamp to Oslo.", "A rug to Rome."], batch=2)] == ["How many lamps?", "How many rugs?"]
    assert limelight.task("generate", shipped, dtype="fp32")("A lamp to Oslo.").text == "How many lamps?"


def test_a_copy_of_the_folder_converses_too(shipped: Opened, tmp_path: Path) -> None:
    shipped.save(tmp_path / "copy")
    assert read_template(tmp_path / "copy") == replace(read_template(shipped.folder) or Template("", ""), where=str(tmp_path / "copy"))
    assert limelight.task("chat", tmp_path / "copy", dtype="fp32")("A lamp to Oslo.").text == "How many lamps?"


def test_the_card_says_what_was_measured(shipped: Opened, recipe: ReplyRecipe, beside: Path) -> None:
    m = shipped.manifest
    found = TRADE.evaluate(shipped, TRADE.held_out(recipe, beside, "test"))
    assert {each.name: round(each.value, 1) for each in found}.items() <= m.card.scores.items()
    told = (shipped.folder / "README.md").read_text()
    for each in found:
        assert f"| {each.name} | {each.value:.1f} | {f'± {each.interval:.1f}' if each.interval else ''} |" in told
    assert float(m.card.scores["perplexity a token"]) < 2
    assert m.card.scores["cut off"] == 0
    for part in ("It sells nothing.", "made up", "here and now", "38 dialogues with 114 replies", "last 3 turns"):
        assert part in told
    assert (m.task, m.generation.max_source, m.generation.end) == ("reply", 96, (shipped.text.end,))


def test_a_persons_reply_weighs_what_the_model_gives_it(shipped: Opened) -> None:
    example = Reply("here", ("A mug to Rome.", "How many mugs?", "Three mugs."), "Three mugs to Rome.")
    (found,) = TRADE.answers(shipped, [example])
    ids = read([*example.turns, example.reply], shipped.text).ids
    before = len(read(example.turns, shipped.text).ids)
    with torch.inference_mode():
        logp = shipped.model.logits(shipped.model.decode(torch.tensor([ids])))[0].log_softmax(-1)
    wanted = -sum(float(logp[i - 1, ids[i]]) for i in range(before, len(ids)))
    assert found.nll == pytest.approx(wanted, rel=1e-4)
    assert found.tokens == len(ids) - before
    assert (found.text, found.ended) == (example.reply, True)
    (short,) = TRADE.answers(shipped, [example], max_length=2)
    assert not short.ended


def test_a_table_of_ones_own_is_scored(shipped: Opened, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("customer,reply\nA  mug to Rome.,How many mugs?\nA rug to Rome.,How many rugs?\n", encoding="utf-8")
    found = TRADE.of_table(shipped, read_table(path), TRADE.columns)
    assert [each.turns for each in found] == [("A mug to Rome.",), ("A rug to Rome.",)]
    assert [each.reply for each in found] == ["How many mugs?", "How many rugs?"]
    answers = TRADE.answers(shipped, found)
    assert {each.name: each.value for each in TRADE.scores(found, answers)}["BLEU"] > 0
    assert TRADE.row(found[0], answers[0]).keys() == TRADE.kept().keys()
    path.write_text("customer,reply\n ,How many?\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 1: a turn or a reply with nothing in it cannot be scored"):
        TRADE.of_table(shipped, read_table(path), TRADE.columns)


# --- scores -----------------------------------------------------------------------------------------------------------
def test_variety_and_repeats_are_counted_by_hand() -> None:
    assert variety([["a", "b", "a"], ["a", "b"]], 1) == 2 / 5
    assert variety([["a", "b", "a"], ["a", "b"]], 2) == 2 / 3
    assert variety([[]], 2) == 0
    assert repeats([*"abcdabc"])
    assert not repeats([*"abcdabd"])


def test_scores_are_those_of_the_formulas() -> None:
    examples = [Reply("d", ("Hi",), "a b c d"), Reply("e", ("Hi", "x y", "Ho"), "a b c d"), Reply("e", ("Hi",), "a b")]
    answers = [Replied("a b c d", True, 3.0, 5), Replied("X, y.", False, 2.0, 5), Replied("a b c a b c", True, 1.0, 3)]
    found = {each.name: each for each in score(examples, answers)}
    assert found["perplexity a token"].value == pytest.approx(math.exp(6 / 13))
    assert found["perplexity a word"].value == pytest.approx(math.exp(6 / 10))
    assert found["distinct-1"].value == pytest.approx(100 * 6 / 12)
    assert "people's own have 40.0" in found["distinct-1"].signature
    assert found["cut off"].value == pytest.approx(100 / 3)
    low, high = (100 * (1 / 3 + 1.96**2 / 6 + side * 1.96 * math.sqrt(2 / 27 + 1.96**2 / 36)) / (1 + 1.96**2 / 3) for side in (-1, 1))
    assert found["cut off"].interval == pytest.approx((high - low) / 2)
    assert score(examples[:1], answers[:1])[4].interval > 0          # nothing found in one reply is not much to go by
    assert found["repeats itself"].value == found["said before"].value == pytest.approx(100 / 3)
    assert 0 < found["perplexity a token"].interval < 1
    with pytest.raises(InputError, match="2 replies to 3 turns cannot be scored"):
        score(examples, answers[:2])
    with pytest.raises(InputError, match="0 replies to 0 turns"):
        score([], [])


# --- recipes that are refused -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("eval.turns=4", "eval.turns counts the customer's turns and the replies between: got 4.   Set 5."),
        ("data.files=[]", "data.files"),
        ("eval.repetition_penalty=0", "repetition_penalty"),
        ("model.heads=3", "heads"),
        ("align.name=x", "align"),
    ],
)
def test_a_recipe_that_cannot_be_is_one_line(beside: Path, override: str, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(beside / "shop.toml", [override])
    assert said in str(caught.value)


def test_the_trade_of_the_task_is_this(recipe: ReplyRecipe, beside: Path) -> None:
    assert isinstance(trade_of(recipe.task), Replying)
    assert TRADE.needs(recipe, beside) == [beside / "talk.tsv.gz"]
    with pytest.raises(RecipeError, match="--align is about translations"):
        TRADE.alignment(recipe, beside)
