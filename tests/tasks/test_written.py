"""Words of a corpus, written as people write them: signs close up, French is elided, and each word is found again."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.tasks.reading.written import written


@pytest.mark.parametrize(
    ("tokens", "language", "text"),
    [
        ("where is Tom ?", "en", "Where is Tom?"),
        ("où est Tom ?", "fr", "Où est Tom ?"),
        ("a ; b : c !", "en", "A; b: c!"),
        ("a ; b , c .", "fr", "A ; b, c."),
        ("( a ) Tom 's", "en", "(a) Tom's"),
        ("do n't they 're two - thirds", "en", "Don't they're two-thirds"),
        ("it -- that is -- costs $ 5", "en", "It -- that is -- costs $5"),
        (". a", "en", ". a"),
        ("", "en", ""),
        ("le an de la heure", "fr", "L'an de l'heure"),
        ("de le ministre à les bills à le an", "fr", "Du ministre aux bills à l'an"),
        ("De les haies , à le héros", "fr", "Des haies, au héros"),
        ("ce est - à - dire si il est ici", "fr", "C'est-à-dire s'il est ici"),
        ("ce homme ne y va pas afin de le faire", "fr", "Ce homme n'y va pas afin de le faire"),
        ("le onze , la honte , que un", "fr", "Le onze, la honte, que un"),
        ("le an", "en", "Le an"),
    ],
)
def test_words_are_written_as_usual(tokens: str, language: str, text: str) -> None:
    assert written(tokens.split(), language)[0] == text


def test_words_that_melt_have_letters_of_their_own() -> None:
    text, spans = written(["de", "les", "amis", "à", "le", "an"], "fr")
    assert text == "Des amis à l'an"
    assert [text[a:b] for a, b in spans] == ["D", "es", "amis", "à", "l'", "an"]


SAID = ["a", "été", ".", ",", "(", ")", "'s", "?", ";", "l'", "🙂", "de", "le", "les", "à", "homme", "-", "si", "il"]


@given(st.lists(st.sampled_from(SAID), max_size=8), st.sampled_from(["en", "fr", ""]))
def test_each_word_is_found_again(tokens: list[str], language: str) -> None:
    text, spans = written(tokens, language)
    assert len(spans) == len(tokens)
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in pairwise(spans))
    assert text == text.strip()
    letters = {i for a, b in spans for i in range(a, b)}
    assert all(i in letters or text[i] == " " for i in range(len(text)))
    if language != "fr":
        assert [text[a:b].lower() for a, b in spans] == [token.lower() for token in tokens]
