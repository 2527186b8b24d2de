"""Held-out texts are drawn by a seed, and nothing like them is left to learn from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.data.near import near_copies
from limelight.data.opinions import Aside, Opinion, Parts, set_aside, without_copies
from limelight.errors import InputError

WORDS = ["the", "camera", "is", "amazing", "and", "i", "would", "buy", "it", "again", "for", "my", "whole", "family", "at", "once"]


def many(count: int, start: int = 0) -> list[Opinion]:
    return [Opinion(f"text number {i} says {i * 7} things", ("good", "bad")[i % 2]) for i in range(start, start + count)]


def divided(sets: dict[str, list[Opinion]], seed: int = 0, test: int = 3, valid: int = 2) -> Parts:
    return set_aside(sets, dict.fromkeys(sets, Aside(test, valid)), labels=("good", "bad"), seed=seed)


def test_parts_have_their_sizes_and_share_nothing() -> None:
    parts = divided({"a": many(20), "b": many(10, 100)})
    assert [len(part) for part in (parts.train, parts.valid, parts.test)] == [20, 4, 6]
    assert {each.of for each in parts.test} == {"a", "b"}
    texts = [each.text for part in (parts.train, parts.valid, parts.test) for each in part]
    assert len(set(texts)) == 30


def test_what_is_drawn_depends_on_the_seed_and_not_on_the_order() -> None:
    one, two = divided({"a": many(20)}), divided({"a": many(20)[::-1]})
    assert (one.train, one.valid, one.test) == (two.train, two.valid, two.test)
    assert divided({"a": many(20)}, seed=1).test != one.test


def test_twins_count_once_and_those_that_disagree_not_at_all() -> None:
    pairs = (("So good.", "good"), ("so good!", "good"), ("Hm", "good"), ("hm.", "bad"), ("Odd", "mixed"))
    twins = [Opinion(*pair) for pair in pairs]
    parts = divided({"a": [*many(6), *twins]})
    texts = sorted(each.text for part in (parts.train, parts.valid, parts.test) for each in part if not each.text.startswith("text"))
    assert texts == ["So good."]


def test_near_copies_of_any_held_out_text_are_not_learnt() -> None:
    held = many(5)
    sets = {"a": held, "b": [Opinion(f"{one.text.upper()}!", one.label) for one in held] + many(9, 50)}
    parts = set_aside(sets, {"a": Aside(3, 2), "b": Aside(0, 0)}, labels=("good", "bad"), seed=0)
    assert len(parts.train) == 14
    clean = without_copies(parts)
    assert (len(clean.train), clean.near) == (9, 5)
    assert (clean.valid, clean.test) == (parts.valid, parts.test)


def test_a_set_that_is_too_small_is_named() -> None:
    with pytest.raises(InputError, match=r"the set a has 4 texts: 3 \+ 2 cannot be set aside"):
        divided({"a": many(4)})


def test_a_sentence_of_a_review_is_a_near_copy_of_it() -> None:
    sentence = " ".join(WORDS[:9])
    review = "I got it last week. " + sentence.capitalize() + "! It came in a box, and the box was red, and my cat sleeps in it now."
    other = "the camera is amazing but the battery drains far too fast for me"
    assert near_copies([sentence, other, "it came"], [review]) == {0}
    assert near_copies([review, other], [sentence]) == {0}


def test_short_texts_are_compared_whole() -> None:
    assert near_copies(["Great phone!", "great phone case", "phone"], ["great phone"]) == {0}


@given(st.lists(st.sampled_from(WORDS), min_size=12, max_size=40), st.integers(0, 5), st.data())
def test_half_of_a_long_text_is_always_found_in_it(words: list[str], drop: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 6))
    piece = words[start : start + max(6, len(words) // 2)]
    assert near_copies([" ".join(piece)], [" ".join(words)]) == {0}
    assert near_copies([f"number{drop}"], [" ".join(words)]) == set()


def test_other_labels_may_be_learnt_from_and_are_never_held_out() -> None:
    odd = [Opinion(f"so so {i} of {i}", "neutral") for i in range(6)]
    parts = set_aside({"a": many(10) + odd}, {"a": Aside(5, 5, {"neutral": "bad"})}, labels=("good", "bad"), seed=0)
    assert {each.text for each in parts.train} == {one.text for one in odd}
    assert {each.label for each in parts.train} == {"bad"}
