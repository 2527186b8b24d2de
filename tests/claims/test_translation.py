"""The bench of translation: what is learnt, what is asked, what is kept, and the claims that are made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from limelight.claims import Lab, Progress, corpus, lessons
from limelight.claims import translation as bench_module
from limelight.claims.corpus import Corpus, Material
from limelight.claims.quality import aligned, by_words, translated
from limelight.claims.translation import FULL, Bench
from limelight.data import Pair
from limelight.errors import SpecError
from limelight.nn import Network


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data sets of our own."""
    import benches

    corpus.material.cache_clear()
    monkeypatch.setenv("LIMELIGHT_DATA", str(benches.data(tmp_path / "data")))
    return tmp_path / "data"


@pytest.fixture
def bench(sets: Path) -> Bench:
    """A bench on them."""
    import benches

    assert sets.is_dir()
    return benches.small()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab", (0, 1))


# --- what is learnt and what is asked -----------------------------------------------------------------------------
def test_no_test_sentence_is_learnt(bench: Bench, lab: Lab) -> None:
    split = bench.material(lab).split
    learnt = {pair.source for pair in split.train}
    assert len(split.test) == 30
    assert not learnt & {each.source for each in (*split.test, *split.valid)}


def test_a_part_of_the_training_pairs_is_drawn_and_nothing_else_changes(bench: Bench, lab: Lab, tmp_path: Path) -> None:
    every, some = bench.material(lab).split, Material(replace(bench.corpus, train=50), tmp_path).split
    assert len(some.train) == 50
    assert set(some.train) < set(every.train)
    assert some.test == every.test
    assert some.train == [pair for pair in every.train if pair in set(some.train)]      # in the file's order


def test_long_lines_are_made_of_test_sentences_in_a_row(bench: Bench, lab: Lab) -> None:
    given = bench.material(lab)
    references = {each.source: each.references[0] for each in given.split.test}
    lines = given.asked(3, 25)                                     # 75 sentences of 30: each serves twice or three times
    used = [part + "." for line in lines for part in line.source.removesuffix(".").split(". ")]
    assert len(lines) == 25
    assert len(used) == 75
    assert {used.count(source) for source in references} == {2, 3}
    first = [part + "." for part in lines[0].source.removesuffix(".").split(". ")]
    assert lines[0].target == " ".join(references[part] for part in first)
    assert given.asked(3, 25) == lines
    assert given.asked(2, 25) != lines


def test_pieces_are_learnt_once_and_kept(bench: Bench, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    home = lab.home("pieces")
    first = Material(bench.corpus, home).text
    monkeypatch.setattr(corpus.Text, "train", lambda *_, **__: pytest.fail("learnt twice"))
    assert Material(bench.corpus, home).text.to_json() == first.to_json()


def test_another_corpus_has_another_fingerprint(bench: Bench, lab: Lab, sets: Path, tmp_path: Path) -> None:
    first = bench.material(lab).fingerprint
    assert Material(replace(bench.corpus, join=0.25), tmp_path).fingerprint != first
    assert Material(bench.corpus, tmp_path).fingerprint == first
    with (sets / "tatoeba_eng_fra" / "fra.txt").open("a", encoding="utf-8") as file:
        file.write("Nobody sleeps.\tPersonne ne dort.\n")
    assert Material(bench.corpus, tmp_path).fingerprint != first


def test_all_mechanisms_of_a_seed_see_the_same_batches_in_the_same_order(bench: Bench, lab: Lab) -> None:
    first, second = (bench.lesson(lab, name).batches(3) for name in ("general", "multi-head"))
    assert all((a == b).all() for a, b in zip(first.order(0), second.order(0), strict=True))
    other = bench.lesson(lab, "general").batches(4)
    assert [len(a) for a in first.order(0)] != [len(a) for a in other.order(0)] or any(
        (a != b).any() for a, b in zip(first.order(0), other.order(0), strict=True)
    )


# --- models of one size -------------------------------------------------------------------------------------------
def parameters(name: str) -> int:
    with torch.device("meta"):
        return sum(weight.numel() for weight in Network(FULL.spec(name)).parameters())


@pytest.mark.parametrize("name", ["additive", "dot", "general", "concat", "general-fed", "local-m", "local-p", "hard-reinforce", "entmax"])
def test_recurrent_nets_and_the_transformer_have_nearly_as_many_parameters(name: str) -> None:
    assert abs(parameters(name) / parameters("multi-head") - 1) < 0.06


def test_the_fixed_vector_has_a_little_less_for_it_pays_for_no_attention() -> None:
    assert 0.9 < parameters("fixed-vector") / parameters("multi-head") < 1


def test_an_unknown_mechanism_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        Bench().spec("generall")
    assert "general" in (caught.value.hint or "")


def test_rates_are_of_kinds(bench: Bench, lab: Lab) -> None:
    assert bench.lesson(lab, "general").plan.lr == bench.lesson(lab, "fixed-vector").plan.lr == bench.lr[0]
    assert bench.lesson(lab, "multi-head").plan.lr == bench.lr[1]


# --- quality ------------------------------------------------------------------------------------------------------
def test_lines_are_translated_whole_and_in_their_order(tiny_folder: Path, learnt: list[tuple[str, str]]) -> None:
    from limelight.hub import open_model

    known = open_model(tiny_folder, device="cpu")
    said = translated(known.model, known.text, [source for source, _ in learnt])
    right = [a == b for a, (_, b) in zip(said, learnt, strict=True)]
    assert sum(right) >= 18                                        # learnt by heart
    twice = translated(known.model, known.text, [f"{learnt[0][0]} {learnt[1][0]}", learnt[2][0]])
    assert twice[1] == said[2]
    assert twice[0] != f"{said[0]} {said[1]}"                      # one line of two sentences is a new one to it, and is not cut


def test_bins_hold_what_has_their_words() -> None:
    pairs = [Pair("a b", "x y z u"), Pair("a b c", "x y z u v"), Pair("a b c d", "x y z u"), Pair("a " * 9, "x")]
    found = by_words(pairs, ["x y z u", "x y z u v", "u z y x", "x"], (1, 3, 5))
    assert [(each["from"], each["to"], each["items"], each["words"]) for each in found] == [(2, 3, 2, 2.5), (4, 5, 1, 4)]
    assert found[0]["bleu"] == pytest.approx(100)
    assert found[1]["bleu"] < 50


def test_without_attention_nothing_is_aligned(bench: Bench, lab: Lab) -> None:
    model = Network(bench.spec("fixed-vector")).eval()
    assert aligned(model, bench.material(lab).text, [], languages=("en", "fr"), choose_on=1) == {}


# --- cells --------------------------------------------------------------------------------------------------------
def test_figures_are_made_once_and_shared(bench: Bench, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    found = bench.figures(lab, "general", 0)
    assert [step for step, _ in found["watched"]] == [2, 4]
    assert all(each["nll"] > 0 and each["bleu"] >= 0 for _, each in found["watched"])
    assert [(each["from"], each["to"]) for each in found["lengths"]] == [(1, 8), (9, 30)]
    assert sum(each["items"] for each in found["lengths"]) == 22
    assert 0 <= found["alignment"]["aer"] <= 1
    assert found["alignment"]["gold"] == 2
    monkeypatch.setattr(lessons, "fit", lambda *_, **__: pytest.fail("learnt twice"))
    assert bench.figures(lab, "general", 0) == found
    assert bench.figures(Lab(lab.folder), "general", 0) == found


def test_other_gold_is_another_cell(bench: Bench, lab: Lab, sets: Path) -> None:
    before = bench.figures(lab, "dot", 0)
    (sets / "hansards_align_enfr" / "enfr.gold").write_text("1-2\n1-2\n1-2 2-1\n1-1 2-3 3-2\n", encoding="utf-8")
    cells = len(list(lab.home("cells").iterdir()))
    assert bench.figures(lab, "dot", 0)["bleu"] == before["bleu"]
    assert len(list(lab.home("cells").iterdir())) == cells + 1      # the model is the same


def test_the_watch_changes_nothing_of_what_is_learnt(bench: Bench, lab: Lab, tmp_path: Path) -> None:
    lesson = bench.lesson(lab, "hard-gumbel")                      # which draws while it learns
    watched = lessons.trained(lab, lesson, 0).model()
    alone = lessons.trained(Lab(tmp_path / "other"), replace(lesson, watch=None), 0).model()
    assert all(torch.equal(a, b) for a, b in zip(watched.state_dict().values(), alone.state_dict().values(), strict=True))


def test_what_was_watched_survives_an_interruption(bench: Bench, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = replace(bench, steps=12, watches=6)
    whole = bench.learnt(Lab(lab.folder.with_name("whole")), "general", 0)
    monkeypatch.setattr(lessons, "SAVE_EVERY", 3)

    def stopping(progress: Progress) -> None:
        if progress.done == 8:                                     # the last checkpoint is of step 6
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.learnt(Lab(lab.folder, tell=stopping), "general", 0)
    again = bench.learnt(lab, "general", 0)
    assert again.figures["watched"] == whole.figures["watched"]
    assert again.figures["curve"] == whole.figures["curve"]


def test_notes_say_what_all_have_in_common(bench: Bench) -> None:
    notes = " ".join(bench.notes())
    assert "All English-French pairs" in notes
    assert "4 steps of at most 400 tokens" in notes
    assert bench_module.GRID in notes
    assert replace(bench, corpus=Corpus(train=77)).notes()[0].startswith("77 ")
