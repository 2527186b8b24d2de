"""Facts stand where they are planted, and answers stay what they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from worlds import PEOPLE, PLACES, world

from limelight.claims.planted import Planted, Stories, World, topic
from limelight.claims.vocabulary import FILLER
from limelight.data.stories import Asked
from limelight.errors import InputError


def told(made: World, row: Tensor) -> list[str]:
    """A row as words; every sentence of this world ends with a place."""
    return ["·" if n == FILLER else made.vocabulary.known[n - 4] for n in row.tolist()]


def cut(words: list[str]) -> list[list[str]]:
    """Words of a story as sentences."""
    ends = [i for i, word in enumerate(words, 1) if word in PLACES]
    return [[w for w in words[a:b] if w != "·"] for a, b in zip([0, *ends], ends, strict=False)]


@pytest.fixture
def made(tmp_path: Path) -> World:
    return world(tmp_path)


def planted(made: World, length: int, distance: int, *, others: bool = False) -> Planted:
    return made.planted(np.random.default_rng(3), 50, length=length, distances=[distance], others=others)


@pytest.mark.parametrize(("length", "distance"), [(1, 1), (6, 1), (6, 4), (6, 6)])
def test_the_fact_stands_where_it_should_and_nobody_moves_after_it(made: World, length: int, distance: int) -> None:
    found = planted(made, length, distance)
    for story, question, answer, (begins, ends) in zip(
        found.stories, found.questions[:, 0], found.answers[:, 0], found.fact.tolist(), strict=True
    ):
        words = told(made, story)
        sentences, who, where = cut(words), told(made, question)[-1], told(made, answer[None])[0]
        assert len(sentences) == length
        fact = sentences[length - distance]
        assert (fact[0], fact[-1]) == (who, where)
        assert words[begins:ends] == fact
        assert all(who not in each for each in sentences[length - distance + 1 :])


def test_everybody_is_asked_about_where_they_were_last(made: World) -> None:
    found, orders = planted(made, 8, 3, others=True), set()
    for story, questions, answers in zip(found.stories, found.questions, found.answers, strict=True):
        last = {each[0]: each[-1] for each in cut(told(made, story))}
        asked = [told(made, question)[-1] for question in questions]
        orders.add(tuple(asked))
        assert len(asked) == len(PEOPLE)
        assert [last[who] for who in asked] == told(made, answers)
        assert set(asked) == set(last)                                 # those that nobody was told of are not asked about
    assert len(orders) > 3


def test_the_same_draw_gives_the_same_stories(made: World) -> None:
    a, b = planted(made, 5, 2), planted(made, 5, 2)
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_batches_depend_on_the_seed_and_their_numbers_alone(made: World) -> None:
    lessons = Stories(made, rows=4, longest=6, seed=1)
    first, again = (lessons.batch(lessons.order(2)[7]) for _ in range(2))
    assert first.source is not None
    assert again.source is not None
    assert torch.equal(first.source.values, again.source.values)
    assert torch.equal(first.target.values, again.target.values)
    other = Stories(made, rows=4, longest=6, seed=2)
    assert not torch.equal(first.target.values, other.batch(other.order(2)[7]).target.values)
    assert first.target.values.shape == (4, len(PEOPLE) * 4)           # where is who? place


def test_lessons_are_of_all_lengths_up_to_the_longest(made: World) -> None:
    lessons = Stories(made, rows=1, longest=6, seed=1)
    lengths = set()
    for indices in lessons.order(0):
        source = lessons.batch(indices).source
        assert source is not None
        lengths.add(len(cut(told(made, source.values[0]))))
    assert lengths == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("distance", [0, 7])
def test_a_distance_that_does_not_fit_is_refused(made: World, distance: int) -> None:
    with pytest.raises(InputError, match="cannot stand"):
        planted(made, 6, distance)


def test_questions_of_several_facts_are_refused(made: World) -> None:
    two = Asked(("Ann got the milk.", "Ann ran."), "Where is the milk?", "barn", (0, 1))
    with pytest.raises(InputError, match="from 2 facts") as caught:
        World((two,), made.vocabulary)
    assert "single" in caught.value.hint


def test_a_world_of_one_person_is_refused(made: World) -> None:
    alone = World((Asked(("Ann went to the barn.",), "Where is Ann?", "barn", (0,)),), made.vocabulary)
    with pytest.raises(InputError, match='every sentence mentions "ann"'):
        planted(alone, 2, 2)


def test_what_is_asked_about_is_the_last_word(made: World) -> None:
    assert {topic(each) for each in made.asked} == {name.lower() for name in PEOPLE}
    assert made.fingerprint != World(made.asked[1:], made.vocabulary).fingerprint
