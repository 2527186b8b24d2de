from __future__ import annotations

import random

import pytest

from limelight.data import Pair, read_pairs, split_by_source
from limelight.data.split import twin_key
from limelight.errors import InputError


@pytest.fixture(scope="module")
def pairs(tatoeba) -> list[Pair]:
    return read_pairs(tatoeba, languages=("en", "fr"))


@pytest.fixture
def few() -> list[Pair]:
    return [Pair(f"Sentence {n}{mark}", f"Phrase {n} {way}") for n in range(40) for mark in ".!" for way in "ab"]


def test_tatoeba_parts_share_no_english_sentence(pairs: list[Pair]) -> None:
    parts = split_by_source(pairs, test=2000, valid=1000, seed=0)
    test, valid, train = ({twin_key(each.source) for each in part} for part in (parts.test, parts.valid, parts.train))
    assert len({example.source for example in parts.test}) == len(parts.test) == 2000
    assert len({example.source for example in parts.valid}) == len(parts.valid) == 1000
    assert not test & valid
    assert not test & train
    assert not valid & train
    assert len(pairs) == 163_856


def test_every_pair_goes_somewhere_once(pairs: list[Pair]) -> None:
    parts = split_by_source(pairs, test=2000, valid=1000, seed=0)
    aside = [Pair(example.source, target) for part in (parts.test, parts.valid) for example in part for target in example.references]
    assert len(aside) + len(parts.train) == len(set(pairs))
    assert set(aside) | set(parts.train) == set(pairs)
    assert sum(len(example.references) > 1 for example in parts.test) > 100


def test_twins_stay_together() -> None:
    assert twin_key("Go.") == twin_key("GO !") == twin_key("« go »")
    assert twin_key("I'm in.") == twin_key("I’m in!")
    assert twin_key("No?!") != twin_key("Now!")
    assert twin_key("!!!") == "!!!"


def test_parts_do_not_depend_on_the_order_of_the_file(few: list[Pair]) -> None:
    first = split_by_source(few, test=10, valid=6, seed=1)
    mixed = random.Random(0).sample(few, len(few))
    again = split_by_source(mixed, test=10, valid=6, seed=1)
    assert [e.source for e in first.test] == [e.source for e in again.test]
    assert [e.source for e in first.valid] == [e.source for e in again.valid]
    assert set(first.train) == set(again.train)
    other = split_by_source(few, test=10, valid=6, seed=2)
    assert [e.source for e in first.test] != [e.source for e in other.test]


def test_references_keep_the_order_of_the_file_once_each() -> None:
    pairs = [Pair("a", "2"), Pair("b", "1"), Pair("a", "1"), Pair("a", "2"), Pair("c", "1")]
    parts = split_by_source(pairs, test=2, valid=0, seed=5)
    found = {e.source: e.references for e in parts.test}
    assert all(found[source] == {"a": ("2", "1"), "b": ("1",), "c": ("1",)}[source] for source in found)
    assert split_by_source(pairs, test=0, valid=0, seed=0).train == [Pair("a", "2"), Pair("b", "1"), Pair("a", "1"), Pair("c", "1")]


def test_a_group_of_twins_that_does_not_fit_stays_for_training(few: list[Pair]) -> None:
    odd = [*few, Pair("Alone.", "Seul.")]
    parts = split_by_source(odd, test=3, valid=0, seed=0)
    assert len(parts.test) == 3
    assert "Alone." in [e.source for e in parts.test]
    assert not {twin_key(p.source) for p in parts.train} & {twin_key(e.source) for e in parts.test}


@pytest.mark.parametrize(("test", "valid"), [(80, 0), (0, 80), (3, 0), (50, 40)])
def test_too_few_sentences_are_refused(few: list[Pair], test: int, valid: int) -> None:
    with pytest.raises(InputError, match=rf"set aside {test} \+ {valid} .* 80, 40 without twins"):
        split_by_source(few, test=test, valid=valid, seed=0)
