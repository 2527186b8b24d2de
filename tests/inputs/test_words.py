"""Words and sentences: where they stand, and that nothing but white space is lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from limelight.inputs import sentences, words

# Letters, signs and spaces that mean something here, beside any character at all.
loaded = st.text(st.sampled_from(list("aZé9.!?…。！？\"'’»)»」 \n\t\u0301\u200d-,«(")), max_size=40)
anything = st.one_of(loaded, st.text(max_size=40))


def split(text: str) -> list[str]:
    return [text[a:b] for a, b in sentences(text)]


def cut(text: str) -> list[str]:
    return [text[a:b] for a, b in words(text)]


def assert_only_white_space_between(text: str, spans: list[tuple[int, int]]) -> None:
    at = 0
    for a, b in spans:
        assert at <= a < b <= len(text)
        assert not text[at:a].strip()
        assert not text[a].isspace()
        assert not text[b - 1].isspace()
        at = b
    assert not text[at:].strip()


@settings(deadline=None, max_examples=400)
@given(anything)
@example("。")
@example(" . ")
@example("\n\n")
def test_nothing_but_white_space_is_lost_between_sentences(text: str) -> None:
    assert_only_white_space_between(text, sentences(text))


@settings(deadline=None, max_examples=400)
@given(anything)
def test_nothing_but_white_space_is_lost_between_words_and_no_word_holds_any(text: str) -> None:
    assert_only_white_space_between(text, words(text))
    assert not any(c.isspace() for word in cut(text) for c in word)


@settings(deadline=None)
@given(loaded)
def test_a_sentence_that_was_found_is_one_sentence(text: str) -> None:
    """So a text that was split may be split again: streams and files see the same sentences."""
    for found in split(text):
        assert split(found) == [found]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("No end at all", ["No end at all"]),
        ("", []),
        (" \n\t ", []),
        ("...", ["..."]),
        ("I live in the U.S. now. He left.", ["I live in the U.S. now.", "He left."]),
        ("J. K. Rowling met Dr. Smith. They talked.", ["J. K. Rowling met Dr. Smith.", "They talked."]),
        ("M. Dupont est là. Mme Dupont aussi.", ["M. Dupont est là.", "Mme Dupont aussi."]),
        ("So do I. You too.", ["So do I.", "You too."]),
        ("No. I won't.", ["No.", "I won't."]),
        ("See No. 5 on p. 7. Then go.", ["See No. 5 on p. 7.", "Then go."]),
        ("Apples, pears, etc. are fruit. Bread, etc. Then milk.", ["Apples, pears, etc. are fruit.", "Bread, etc.", "Then milk."]),
        ("Come at 5 p.m. on Friday. We close at 6 p.m. Bye.", ["Come at 5 p.m. on Friday.", "We close at 6 p.m.", "Bye."]),
        ("Animals, e.g. Cats, purr. Yes.", ["Animals, e.g. Cats, purr.", "Yes."]),
        ("It is 3.5 or 1,000.50. Good.", ["It is 3.5 or 1,000.50.", "Good."]),
        ("See example.com. It works.", ["See example.com.", "It works."]),
        ('"Go!" he said. "Why?" She went.', ['"Go!" he said.', '"Why?"', "She went."]),
        ("« Va ! » Il est parti.", ["« Va !", "» Il est parti."]),
        ("(It rained.) We stayed.", ["(It rained.)", "We stayed."]),
        ("Well... perhaps. Wait… What?", ["Well... perhaps.", "Wait…", "What?"]),
        ("What?! No!! Yes.", ["What?!", "No!!", "Yes."]),
        ("first line\nsecond line\n\n third", ["first line", "second line", "third"]),
        ("Dr.\nSmith", ["Dr.", "Smith"]),
        ("你好。再见！？「好。」走", ["你好。", "再见！？", "「好。」", "走"]),
        ("Bonjour. Ça va ? Très bien !", ["Bonjour.", "Ça va ?", "Très bien !"]),
        ("hello. how are you? fine", ["hello.", "how are you?", "fine"]),
    ],
)
def test_where_sentences_end(text: str, wanted: list[str]) -> None:
    assert split(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("L'homme qu'il a vu", ["L'", "homme", "qu'", "il", "a", "vu"]),
        ("C’est aujourd’hui, jusqu’à QU’IL parte.", ["C’", "est", "aujourd’hui", ",", "jusqu’", "à", "QU’", "IL", "parte", "."]),
        ("Don't, I'm O'Brien's.", ["Don't", ",", "I'm", "O'Brien's", "."]),
        ("vingt-deux, peut-être 3.5 ou 1,000", ["vingt-deux", ",", "peut-être", "3.5", "ou", "1,000"]),
        ("Quoi ?! « Non »", ["Quoi", "?", "!", "«", "Non", "»"]),
        ("end. 'quoted' rock 'n' roll", ["end", ".", "'", "quoted", "'", "rock", "'", "n", "'", "roll"]),
        ("cafe\u0301 nai\u0308ve", ["cafe\u0301", "nai\u0308ve"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("👨\u200d👩\u200d👧 ❤\ufe0f ok", ["👨\u200d👩\u200d👧", "❤\ufe0f", "ok"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("100% $5 a_b #tag", ["100", "%", "$", "5", "a_b", "#", "tag"]),
        ("", []),
    ],
)
def test_where_words_stand(text: str, wanted: list[str]) -> None:
    assert cut(text) == wanted


LONG = {
    "ten thousand words": "word " * 10_000,
    "ten thousand sentences": "A word. " * 10_000,
    "initials": "A. " * 20_000,
    "dots": "." * 50_000 + "x",
    "dots apart": ". " * 20_000,
    "quotes": '."' * 25_000 + "x",
    "full stops": "。" * 25_000,
    "line breaks": "\n" * 100_000,
    "apostrophes": "d'" * 20_000,
    "hyphens": "a-" * 50_000,
    "marks": "\u0301" * 50_000,
    "no space": "x" * 200_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_lines_take_no_longer_than_their_length(text: str) -> None:
    began = time.process_time()
    found = sentences(text), words(text)
    assert time.process_time() - began < 3
    for spans in found:
        assert_only_white_space_between(text, spans)


def test_ten_thousand_words_are_ten_thousand_words() -> None:
    assert len(words("word " * 10_000)) == 10_000
    assert len(sentences("A word. " * 10_000)) == 10_000
