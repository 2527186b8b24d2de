"""Text as it is typed: what was shown is never taken back, and never half a letter."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import opinionated as tiny
from limelight.decode import Beam, Choice, Ending, Greedy, Typist, stream
from limelight.inputs import Text
from limelight.inputs.batch import pad


@cache
def text() -> Text:
    return Text.train(["the cat sat on the mat", "l'été à la mer : « oui »", "what a day\u202f!"] * 5, vocab=290)


def typed(ids: list[int], cuts: list[int]) -> tuple[list[str], str]:
    """What a typist shows when tokens become sure up to each of `cuts`, then at the end."""
    typist = Typist(text().decode, text().begins_word)
    shown, sure = [""], [0, *sorted(min(cut, len(ids)) for cut in cuts)]
    for n in sure:
        shown.append(shown[-1] + typist.more(ids[:n]))
    return shown, shown[-1] + typist.more(ids, last=True)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abet ' é«🙂👩‍🔬日\u202f\u00a0\n!"), max_size=30), st.lists(st.integers(0, 80), max_size=12))
def test_any_text_is_shown_in_whole_letters_and_never_taken_back(written: str, cuts: list[int]):
    ids = list(text().encode(written).ids)
    shown, final = typed(ids, cuts)
    assert final == text().decode(ids)
    for each in shown:
        assert final.startswith(each)
        assert "�" not in each


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(3, 289), max_size=25), st.lists(st.integers(0, 25), max_size=10))
def test_any_pieces_are_shown_as_they_will_stand(ids: list[int], cuts: list[int]):
    """Bytes that make no letter, too: what is shown for them is what stands there in the end."""
    shown, final = typed(ids, cuts)
    assert final == text().decode(ids)
    assert all(final.startswith(each) for each in shown)


def test_a_word_waits_until_the_next_one_begins():
    typist = Typist(text().decode, text().begins_word)
    ids = [text().encode(word).ids[:-1] for word in ("the", "🙂", "mat")]
    assert len(ids[1]) > 4                                                    # an emoji over several pieces
    assert typist.more(ids[0]) == ""
    sure = [*ids[0]]
    for token in ids[1]:
        sure.append(token)
        assert typist.more(sure) in ("the", "")
    assert typist.more([*sure, *ids[2]]) == " 🙂"
    assert typist.more([*sure, *ids[2]], last=True) == " mat"
    assert typist.more([*sure, *ids[2], text().end], last=True) == ""


@pytest.mark.parametrize("choice", [Greedy(), Beam(width=2), Beam(width=4)], ids=str)
def test_text_typed_from_a_search_grows_into_the_winner(choice: Choice):
    early = 0
    for seed in range(5):
        model = tiny.seq2seq(seed, vocab=len(text()), end=4.0)
        model.heads["lm"].out.bias[[i for i in range(3, len(text())) if text().begins_word(i)]] += 3.0
        typist = Typist(text().decode, text().begins_word)
        ending = Ending(frozenset([text().end]), 16)
        shown, last = "", None
        for last in stream(model, pad([[30, 40, 50]]), choice, ending=ending, start=text().start):
            shown += typist.more(last.fixed(0))
            early += bool(shown) and bool(last.search.trails)
        assert last is not None
        final = text().decode(last.done[0][0].tokens)
        assert final.startswith(shown)
        assert shown + typist.more(last.done[0][0].tokens, last=True) == final
    assert early > 5                                                          # words are shown while the search goes on
