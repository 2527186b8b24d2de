"""Exams of words in context: senses by the nearest mean, pronouns by GAP's own measure, minimal pairs; each beside what costs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import limelight
from limelight.errors import InputError, RecipeError, TaskError
from limelight.hub import Opened
from limelight.look import trace
from limelight.tasks.exams import EXAMS, Asking, exam_of
from limelight.tasks.exams.align import gold_of
from limelight.tasks.exams.pairs import PRONOUNS, SENSES, pronoun_pairs, sense_pairs
from limelight.tasks.exams.resolve import NEITHER, Item, f1, looked, read_gap, said
from limelight.tasks.exams.sense import Instance, halves, nearest_right, read_senses, some_of
from limelight.tasks.reading.places import find
from limelight.tasks.reading.rows import as_batch
from wordy import ANIMALS, PLACES, STATES

Learnt = Callable[[str], Path]
HEAD = "lemma\tpos\tsense\ttarget_index\ttokens\tfile\n"
GAP = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"


@pytest.fixture(scope="module")
def bert(learnt_words: Learnt) -> Opened:
    return limelight.open(learnt_words("bert"), device="cpu", dtype="fp32")


@pytest.fixture(scope="module")
def gpt2(learnt_words: Learnt) -> Opened:
    return limelight.open(learnt_words("gpt2"), device="cpu", dtype="fp32")


# --- senses -----------------------------------------------------------------------------------------------------------
def senses(folder: Path) -> Path:
    """What "it" stands for, as a sense of it, in documents that hold one text each."""
    rows = []
    for word in ("it", "too"):
        for n, (state, kind) in enumerate((s, k) for s, k in STATES.items() for _ in range(6)):
            text = f"the {ANIMALS[n % 4]} did not cross the {PLACES[n // 4 % 4]} because it was too {state} ."
            place = text.split().index(word)
            rows.append(f"{word}\tPRON\t{'animal' if kind is ANIMALS else 'place'}\t{place}\t{text}\tdoc{n}\n")
    path = folder / "senses.tsv"
    path.write_text(HEAD + "".join(rows))
    return path


def test_the_nearest_mean_is_counted_in_each_layer() -> None:
    known = torch.eye(3)[[0, 0, 1, 2]].expand(2, 4, 3).clone()
    known[1] = 1.0                                                        # a layer that tells nothing: the first of its names is taken
    asked = torch.eye(3)[[0, 1, 2]].expand(2, 3, 3).clone()
    right = nearest_right(known, np.array(["a", "a", "b", "c"]), asked, np.array(["a", "b", "x"]))
    assert right.tolist() == [2.0, 1.0]


def test_documents_stay_whole_and_halves_are_alike() -> None:
    texts = [Instance("w", "s", "t", (0, 1), document) for document in "aaaabbbccd"]
    found = halves(texts)
    assert abs(found.count(True) - found.count(False)) <= 1
    for document in "abcd":
        assert len({half for half, text in zip(found, texts, strict=True) if text.document == document}) == 1


def test_a_limit_draws_whole_words_and_leaves_those_of_one_sense() -> None:
    texts = [Instance(word, f"s{n % 2}", f"{word}{n}", (0, 1), str(n)) for word in ("a", "b", "c") for n in range(150)]
    texts += [Instance("single", "s", "x", (0, 1), "1")] * 5
    assert sorted(len(each) for each in some_of(texts, None)) == [150] * 3
    drawn = [*some_of(texts, 230)]
    assert [len(each) for each in drawn] == [100, 100, 30]
    assert drawn == [*some_of(texts, 230)], "the same each time"
    assert len({each[0].word for each in drawn}) == 3


def test_a_model_that_knows_what_it_stands_for_tells_senses_apart(bert: Opened, tmp_path: Path) -> None:
    seen: list[int] = []
    found = exam_of("sense").take(bert, Asking(data=(senses(tmp_path),), tell=seen.append))
    told = found.to_json()
    assert told["texts"] == 48
    assert told["words"] == 2
    assert seen[-1] == 48
    assert told["commonest"] == pytest.approx(0.5, abs=0.1)
    layers = [each["accuracy"] for each in told["layers"]]
    assert len(layers) == 3
    assert layers[0] == pytest.approx(0.5, abs=0.15), "the word's own vector is the same in all texts"
    assert max(layers) > 0.9
    assert found.measure is not None
    assert (found.measure.items, found.measure.measured_on, found.measure.by) == (24, "senses", "the commonest sense")
    assert found.measure.low <= found.measure.score <= found.measure.high
    assert any(line.startswith("    2  ") for line in found.lines)
    assert json.dumps(told)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lemma\tpos\n", 'no column "sense"'),
        (HEAD + "a\tN\ts\t3\tone two three\tf\n", "row 1: target_index is '3', of 3 tokens"),
        (HEAD + "a\tN\ts\t-1\tone\tf\n", "row 1: target_index is '-1'"),
        (HEAD + "a\tN\ts\t0\tone\n", "line 2: 5 cells"),
    ],
)
def test_texts_with_senses_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.tsv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_senses([tmp_path / "x.tsv"])


def test_senses_need_a_table_and_two_words(bert: Opened, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has 0 tables"):
        read_senses([tmp_path])
    with pytest.raises(InputError, match="got 2 of --data"):
        read_senses([tmp_path, tmp_path])
    (tmp_path / "x.tsv").write_text(HEAD + "it\tN\ta\t0\tit is\tf\nit\tN\tb\t0\tit was\tg\n")
    with pytest.raises(InputError, match="has 1 words with two senses or more"):
        exam_of("sense").take(bert, Asking(data=(tmp_path,)))


# --- pronouns ---------------------------------------------------------------------------------------------------------
def item(text: str, right: int, names: tuple[str, str] = ("the animal", "the street"), pronoun: str = "it") -> Item:
    a, b = (find(text, name)[0][0] for name in names)
    return Item(text, pronoun, find(text, pronoun)[0][0], names, (a, b), (right == 0, right == 1))


def crossing(state: str, animal: str = "animal", place: str = "street") -> Item:
    text = f"the {animal} did not cross the {place} because it was too {state} ."
    return item(text, int(STATES[state] is PLACES), (f"the {animal}", f"the {place}"))


ITEMS = [crossing(state, animal, place) for state in STATES for animal, place in zip(ANIMALS, PLACES, strict=True)]


def written_gap(path: Path, items: list[Item]) -> Path:
    rows = []
    for n, each in enumerate(items):
        cells = [str(n), each.text, each.pronoun, each.at]
        for name, place, right in zip(each.names, each.places, each.right, strict=True):
            cells += [name, place, str(right).upper()]
        rows.append("\t".join(map(str, [*cells, "url"])) + "\n")
    path.write_text(GAP + "".join(rows))
    return path


def test_f1_is_gap_s_own() -> None:
    text = "the animal and the street and it ."
    items = [item(text, 0), item(text, 1), item(text, 2), item(text, 0)]              # the third stands for neither
    assert f1(items, [0, 1, 0, 0]) == pytest.approx(2 * 3 / (4 + 3))                   # one false positive
    assert f1(items, [0, 0, 0, 1]) == pytest.approx(2 * 1 / (4 + 3))
    assert f1(items, [0, NEITHER, NEITHER, NEITHER]) == pytest.approx(2 * 1 / (1 + 3))
    assert f1(items, [NEITHER] * 4) == 0
    assert f1([], []) == 0


def test_a_model_that_knows_the_grammar_says_what_pronouns_stand_for(bert: Opened, gpt2: Opened) -> None:
    for opened in (bert, gpt2):
        assert f1(ITEMS, said(opened, ITEMS, 8)) > 0.9


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_heads_point_where_the_trace_says(kind: str, request: pytest.FixtureRequest) -> None:
    opened: Opened = request.getfixturevalue(kind)
    found = looked(opened, ITEMS[:3], 2)
    assert found.shape == (3, 8)
    for row, each in zip(found, ITEMS, strict=False):
        encoded = opened.text.encode(each.text)
        batch = as_batch(opened, [encoded])
        with trace(opened.model) as seen:
            opened.model.hidden(batch)
        pronoun, *names = ([i for i, (a, b) in enumerate(encoded.offsets) if a < y and b > x and a < b] for x, y in each.spans)
        picks = []
        for name in seen:
            weights = seen[name].weights()[0, :, pronoun].mean(1)
            picks += (weights[:, names[1]].sum(1) > weights[:, names[0]].sum(1)).long().tolist()
        assert row.tolist() == picks


def test_the_whole_exam_says_all_that_it_rests_on(bert: Opened, tmp_path: Path) -> None:
    held = [*ITEMS, *(item("tom and paris and his dog .", n % 2, ("tom", "paris"), "his") for n in range(4))]
    held += [item("apple and paris and her dog .", n % 2, ("apple", "paris"), "her") for n in range(4)]
    written_gap(tmp_path / "gap-validation.tsv", ITEMS)
    written_gap(tmp_path / "gap-development.tsv", held)
    found = exam_of("resolve").take(bert, Asking(data=(tmp_path,)))
    told = found.to_json()
    assert (told["texts"], told["choose_on"], told["data"]) == (len(held), len(ITEMS), "gap-development")
    assert told["scores"]["the likelihood"]["f1"] > 0.7
    assert {"masculine", "feminine", "bias", "low", "high", "answered"} <= told["scores"]["the likelihood"].keys()
    assert told["scores"]["the nearest name"]["f1"] < 0.7
    assert found.measure is not None
    assert found.measure.at == "the likelihood"
    assert found.measure.score == told["scores"]["the likelihood"]["f1"] > 0.7
    assert found.measure.baseline == told["scores"]["the nearest name"]["f1"]
    assert any("the best head (encoder." in line for line in found.lines)
    single = read_gap(Asking(data=(tmp_path / "gap-development.tsv",), choose_on=6, limit=5))
    assert (len(single[0]), len(single[1])) == (5, 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("\tit\t", "\tthey\t"), "row 1: 'they' does not stand at"),
        (("TRUE", "YES"), "row 1: offsets .* and coreference"),
        (("\t0\tTRUE", "\tx\tTRUE"), "row 1: offsets"),
        (("Pronoun-offset", "Offset"), 'no column "Pronoun-offset"'),
    ],
)
def test_pronouns_that_cannot_be_read(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = written_gap(tmp_path / "x.tsv", ITEMS[:4])
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(InputError, match=said):
        read_gap(Asking(data=(path,)))


def test_what_is_no_set_of_pronouns(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has 0 tables .* named validation"):
        read_gap(Asking(data=(tmp_path,)))
    path = written_gap(tmp_path / "one.tsv", ITEMS[:1])
    with pytest.raises(InputError, match="0 texts to choose on and 1 to measure on"):
        read_gap(Asking(data=(path,)))
    with pytest.raises(InputError, match="one table or two: got 3"):
        read_gap(Asking(data=(path, path, path)))


def test_a_name_twice_or_out_of_reach_is_not_answered(bert: Opened) -> None:
    twice = item("the animal saw it .", 0, ("the animal", "the animal"))
    far = item("the animal . " + "the dog . " * 30 + "the street . it .", 0)
    assert said(bert, [twice, far, ITEMS[0]], 4)[:2] == [NEITHER, NEITHER]
    assert looked(bert, [far, ITEMS[0]], 4)[0].tolist() == [NEITHER] * 8


# --- minimal pairs ----------------------------------------------------------------------------------------------------
def test_pairs_are_pairs() -> None:
    for each in PRONOUNS:
        a, b = each.texts
        assert a != b
        for text in (a, b):
            assert "..." not in text
            assert len(find(text, each.pronoun)) == 1
            assert all(find(text, name) for name in each.candidates)
    for each in SENSES:
        assert all(len(find(text, each.word)) == 1 for text in (*each.known, *each.asked))
    assert len({each.word for each in SENSES}) == len(SENSES)


def test_a_pair_counts_where_both_are_right() -> None:
    count = len(PRONOUNS)
    rights = torch.zeros(count, 2, 2)
    rights[:, 0, 0] = 1                                                                # one way: always the first name
    rights[:3, 1] = 1                                                                  # the other: three pairs
    found = pronoun_pairs(rights, ["one", "other"])
    assert found.plain["by"] == [{"at": "one", "pairs": 0, "texts": count}, {"at": "other", "pairs": 3, "texts": 6}]
    assert found.lines[1].startswith("++  The animal didn't cross the street because it was too tired. | ")
    assert found.lines[-1].startswith(f"other: 3 of {count} pairs (by chance 3), 6 of {2 * count} texts")


def test_every_kind_of_model_takes_the_pairs(bert: Opened, gpt2: Opened, opened: Opened) -> None:
    for each in (bert, gpt2, opened):
        layers = sense_pairs(each).plain["by"]
        assert len(layers) == 3
        ways = [each["at"] for each in exam_of("resolve").take(each, Asking()).plain["minimal_pairs"]["by"]]
        assert ways == ["the mean of all heads"] + ["the likelihood"] * (each is not opened)
    assert exam_of("sense").take(bert, Asking()).measure is None


# --- what is asked ----------------------------------------------------------------------------------------------------
def test_exams_that_are_not_there_and_options_that_are_not_heard(opened: Opened, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r'no exam for the task "sens"\.   Did you mean "sense"'):
        exam_of("sens")
    for name, asked in (("sense", {"choose_on": 3}), ("resolve", {"first": 0}), ("resolve", {"languages": ("en", None)})):
        with pytest.raises(RecipeError, match=f"the exam of {name} does not ask for --"):
            Asking(**asked).check(name, exam_of(name).hears)
    for name in EXAMS:
        Asking(limit=3).check(name, exam_of(name).hears)
    with pytest.raises(InputError, match="there is no folder"):
        gold_of([tmp_path / "none"], None)
    with pytest.raises(InputError, match=r"has 0 files that end in \.src-tgt"):
        gold_of([tmp_path], None)
    with pytest.raises(InputError, match="got 0 of --data"):
        gold_of([], None)


def test_a_model_without_cross_or_self_attention(bert: Opened, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot align"):
        exam_of("align").take(bert, Asking(data=(tmp_path,)))


def test_the_exam_of_align_measures_the_models_own_beside(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "toy.src-tgt").write_text("Tom eats an apple . ||| Tom mange une pomme .\nTom sees a book . ||| Tom voit un livre .\n" * 4)
    (tmp_path / "toy.gold").write_text("1-1 2-2 3-3 4-4 5-5\n" * 8)
    found = exam_of("align").take(opened, Asking(data=(tmp_path,), choose_on=3, limit=7))
    assert found.aligner is not None
    assert (found.aligner.pairs, found.aligner.measured_on) == (4, tmp_path.name)
    assert found.plain["own"]["attention"] == "decoder.1.cross"
    assert found.lines[0].startswith("AER 0.")
    assert found.lines[-1].startswith("the model's own aligner on those: AER ")
    bare = exam_of("align").take(opened, Asking(data=(tmp_path / "toy.src-tgt", tmp_path / "toy.gold"), first=1))
    assert (bare.plain["data"], bare.plain["choose_on"]) == ("toy", 4)
