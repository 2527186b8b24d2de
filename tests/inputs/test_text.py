"""Text and ids: any text comes back, every piece knows its characters, and no text is mistaken for a mark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tiny
from limelight.errors import InputError, WeightError
from limelight.inputs import Encoded, Text
from limelight.inputs.text import END, PAD, START

TRICKY = [
    "L'homme qu'il a vu, c'était l'été : 3,5 kg !",
    "👩‍👩‍👧‍👦 family, 👍🏽 ok, ❤️ 🇫🇷",
    "黒い猫が鼠を食べた。再见！",
    "שלום עולם 123 مرحبا بالعالم",
    "e\u0301te\u0301 \u0928\u093f nai\u0308ve",
    "tab\tnew\nline\r\n\x00\x07\x1b[31m",
    "a  b   c \u00a0 \u202f \u2028 \u3000 d",
    "</s> <pad><s> </s></s>",
    " leading and trailing ",
    "\u200d\ufe0f\u202e\ufeff",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010ffff \ufffd",
    "x" * 300,
    "1234567890" * 5,
    "?!...'\"’«»…" * 3,
]
characters = st.characters(exclude_categories=["Cs"])
texts = st.text(characters, max_size=40)


@pytest.fixture(scope="module")
def text() -> Text:
    return Text.train([side for pair in tiny.ALL for side in pair] + TRICKY, vocab=500)


def spelled(text: Text, encoded: Encoded) -> None:
    """Each piece covers its characters, in order, and together they cover all that is not white space."""
    assert len(encoded.ids) == len(encoded.offsets)
    assert (encoded.ids[-1], encoded.offsets[-1]) == (text.end, (len(encoded.text), len(encoded.text)))
    covered = set()
    last = 0
    for token, (a, b) in zip(encoded.ids[:-1], encoded.offsets, strict=False):
        assert 0 <= a <= b <= len(encoded.text)
        assert b >= last, "pieces come in the order of the text"
        last = b
        covered.update(range(a, b))
        piece = text.piece(token)
        if "\ufffd" not in piece:                         # a piece may be part of a letter's bytes
            assert encoded.text[a:b] == piece.lstrip()
    assert {i for i, c in enumerate(encoded.text) if not c.isspace()} <= covered


@settings(deadline=None, max_examples=300)
@given(written=texts)
@example(written="\x85 \x1c")
@example(written="\ufffd")
def test_any_text_comes_back_and_every_piece_knows_its_characters(text: Text, written: str) -> None:
    encoded = text.encode(written)
    assert text.decode(encoded.ids) == written
    assert encoded.text == written
    spelled(text, encoded)


@pytest.mark.parametrize("written", TRICKY)
def test_tricky_texts_come_back(text: Text, written: str) -> None:
    encoded = text.encode(written)
    assert text.decode(encoded.ids) == written
    spelled(text, encoded)


@pytest.mark.parametrize("written", TRICKY)
def test_pieces_that_were_never_seen_in_training_serve_as_well(written: str) -> None:
    bare = Text.train(["a"], vocab=259)
    encoded = bare.encode(written)
    assert bare.decode(encoded.ids) == written
    spelled(bare, encoded)


def test_letters_of_several_bytes_have_one_place(text: Text) -> None:
    bare = Text.train(["a"], vocab=259)
    assert bare.encode("né").offsets == ((0, 0), (0, 1), (1, 2), (1, 2), (2, 2))
    assert bare.encode("🙂!").offsets[1:5] == ((0, 1),) * 4


def test_a_word_is_the_same_piece_at_the_start_and_later(text: Text) -> None:
    assert text.encode("Tom Tom").ids[0] == text.encode("Tom Tom").ids[1]
    assert text.encode("Tom Tom").offsets == ((0, 3), (4, 7), (7, 7))


@settings(deadline=None, max_examples=50)
@given(st.lists(texts, max_size=6))
def test_several_texts_at_once_are_the_texts_one_by_one(text: Text, many: list[str]) -> None:
    found = text.encode_all(many)
    assert found == [text.encode(each) for each in many]
    assert text.decode_all([e.ids for e in found]) == [text.decode(e.ids) for e in found]


@pytest.mark.parametrize("mark", [PAD, START, END, END + END, f"a{END}b", f"{START} {PAD}"])
def test_a_mark_that_a_user_types_is_text(text: Text, mark: str) -> None:
    encoded = text.encode(mark)
    assert not {text.pad, text.start, text.end} & set(encoded.ids[:-1])
    assert text.decode(encoded.ids) == mark


def test_marks_learnt_from_texts_full_of_them_are_still_no_marks() -> None:
    keen = Text.train([f"{END} {PAD}{END}", f"x{END}{END}y"] * 500, vocab=600)
    for mark in (END, PAD, f"x{END}y"):
        encoded = keen.encode(mark)
        assert not {keen.pad, keen.start, keen.end} & set(encoded.ids[:-1])
        assert keen.decode(encoded.ids) == mark


def test_a_reopened_tokenizer_takes_typed_marks_for_text_too(text: Text) -> None:
    again = Text.from_json(text.to_json())
    assert again.encode(END).ids == text.encode(END).ids
    assert again.encode(END).ids.count(again.end) == 1


def test_real_marks_are_not_spelled(text: Text) -> None:
    ids = [text.start, *text.encode("Tom").ids, text.pad, text.pad]
    assert text.decode(ids) == "Tom"
    assert text.decode_all([ids, []]) == ["Tom", ""]
    assert text.pieces([text.end, text.pad]) == [END, PAD]


def test_an_empty_text_is_the_end_alone(text: Text) -> None:
    assert text.encode("") == Encoded("", (text.end,), ((0, 0),), parts=(None,), segments=(0,))
    assert text.encode_all([]) == []
    assert text.encode_all(["", "Tom", ""])[1] == text.encode("Tom")
    assert text.decode([]) == ""


def test_half_a_surrogate_pair_is_read_as_the_sign_for_no_character(text: Text) -> None:
    encoded = text.encode("a\ud800b")
    assert text.decode(encoded.ids) == "a\ufffdb"
    assert encoded.ids == text.encode("a\ufffdb").ids


def test_a_long_text_is_not_cut(text: Text) -> None:
    encoded = text.encode("The black cat. " * 10_000)
    assert text.decode(encoded.ids) == "The black cat. " * 10_000


def test_training_is_the_same_every_time_on_any_number_of_threads(text: Text) -> None:
    code = "import sys, tiny; sys.stdout.write(tiny.text().to_json())"
    here = tiny.text().to_json()
    assert tiny.text().to_json() == here
    env = {"RAYON_NUM_THREADS": "1", "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(tiny.__file__).parent)}
    assert subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout == here


def test_texts_are_read_once_and_may_come_from_a_generator() -> None:
    assert Text.train(iter(["one two"] * 5), vocab=270).to_json() == Text.train(["one two"] * 5, vocab=270).to_json()


@pytest.mark.parametrize("vocab", [0, 1, 258, -5])
def test_a_vocabulary_below_the_bytes_is_refused(vocab: int) -> None:
    with pytest.raises(InputError, match=f"at least 259 pieces .* got {vocab}"):
        Text.train(["a"], vocab=vocab)


def test_the_vocabulary_is_never_larger_than_asked_for(text: Text) -> None:
    assert len(text) == 500
    assert text.highest == 499
    assert len(Text.train(["a"], vocab=1000)) < 300, "there is no more to learn from one letter"


def test_a_piece_begins_a_word_where_it_begins_with_white_space(text: Text) -> None:
    for token in range(len(text)):
        assert text.begins_word(token) == (token == text.end or text.piece(token)[:1].isspace())
    assert [text.begins_word(t) for t in text.encode("Tom sees").ids] == [True, True, True]
    bare = Text.train(["a"], vocab=259)
    assert [bare.begins_word(t) for t in bare.encode("ab c").ids] == [True, False, False, True, False, True]


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "5", "null", '{"version": "1.0"}', "[" * 100_000, "not json", '{"model": {"type": "Evil"}}'],
    ids=["empty", "open", "list", "number", "null", "bare", "deep", "words", "unknown"],
)
def test_what_is_no_tokenizer_is_refused_in_one_line(broken: str) -> None:
    with pytest.raises(WeightError, match=r"here/tokenizer\.json is not a tokenizer") as caught:
        Text.from_json(broken, where="here/tokenizer.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_tokenizer_without_our_marks_is_refused(text: Text) -> None:
    data = json.loads(text.to_json())
    data["added_tokens"] = [t for t in data["added_tokens"] if t["content"] != END]
    del data["model"]["vocab"][END]
    with pytest.raises(WeightError, match=f"has no {END} token"):
        Text.from_json(json.dumps(data))


def test_a_key_that_is_pressed_while_reading_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(json, "loads", pressed)
    with pytest.raises(KeyboardInterrupt):
        Text.from_json("{}")


def test_an_error_without_words_is_named_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: str) -> None:
        raise MemoryError

    monkeypatch.setattr(json, "loads", full)
    with pytest.raises(WeightError, match="is not a tokenizer: MemoryError"):
        Text.from_json("{}")
