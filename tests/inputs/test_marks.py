"""Names of marks that stand in a text: text as any other, unless the caller says that they are marks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

from limelight.errors import InputError
from limelight.inputs import Text
from limelight.inputs.engines import Fast
from limelight.inputs.text import Marks

CHAT = ("<|im_start|>", "<|im_end|>", "</s>")


def chat() -> Text:
    """Bytes alone, with the marks of a chat, a mask that takes the spaces before it, a word that is whole, a tag and a run of spaces."""
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    flagged = AddedToken("<mask>", lstrip=True, special=True), AddedToken("STOP", single_word=True, special=True)
    tokenizer.add_special_tokens([*CHAT, *flagged])
    tokenizer.add_tokens(["<think>", "    "])
    return Text(Fast(tokenizer), Marks(end=tokenizer.token_to_id("</s>"), mask=tokenizer.token_to_id("<mask>")))


@pytest.fixture(scope="module")
def text() -> Text:
    return chat()


def read(text: Text, written: str) -> list[str]:
    """The marks that are read in a text, with the characters that each stands for."""
    found = text.encode(written, named=True)
    names = {i: name for name, i in text.mark_names.items()}
    return [f"{names[i]}={written[a:b]}" for i, (a, b) in zip(found.ids, found.offsets, strict=True) if i in names]


def test_a_name_is_a_mark_only_when_asked_for(text: Text) -> None:
    written = "<|im_start|>user\nHi</s>"
    assert not set(text.encode(written).ids) & {text.mark_names[name] for name in CHAT}
    assert read(text, written) == ["<|im_start|>=<|im_start|>", "</s>=</s>"]
    assert text.decode(text.encode(written, named=True).ids) == "user\nHi"


def test_flags_of_marks_are_kept(text: Text) -> None:
    assert read(text, "a   <mask> b") == ["<mask>=<mask>"]
    assert len(text.encode("a   <mask>", named=True).ids) == 2
    assert read(text, "STOP, NONSTOP") == ["STOP=STOP"]


def test_every_other_piece_keeps_its_characters(text: Text) -> None:
    written = "né <|im_end|> 🙂</s>!"
    found = text.encode(written, named=True)
    assert {written[a:b] for a, b in found.offsets} >= {"n", "é", "<|im_end|>", "🙂", "</s>", "!"}


def test_both_readings_at_once_from_many_threads(text: Text) -> None:
    fresh = chat()
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda i: fresh.encode("a</s>b", named=i % 2 == 0).ids, range(200))]
    assert set(found[::2]) == {text.encode("a</s>b", named=True).ids}
    assert set(found[1::2]) == {text.encode("a</s>b").ids}


@pytest.mark.parametrize("written", ["", "Hi there", "a < b", "<|im_end", "x" * 50, "a    b", "STOPPED", "NONSTOP"])
def test_what_names_no_mark_is_left_as_it_is(text: Text, written: str) -> None:
    assert text.guarded_names(written) == written


NAMING = ["</s>", "a</s></s>b", "<</s>/s>", "<|im_<|im_end|>end|>", "   <mask> ", "<think>no</think>", "STOP", "</s>" * 50]


@pytest.mark.parametrize("written", NAMING)
def test_guarded_text_names_no_mark(text: Text, written: str) -> None:
    safe = text.guarded_names(written)
    assert read(text, safe) == []
    assert safe.replace("\u200b", "") == written


def odd(*names: AddedToken, normalizer: normalizers.Normalizer) -> Text:
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[UNK]", *names])
    return Text(Fast(tokenizer), Marks(unknown=0))


def test_names_that_are_only_seen_after_normalising_are_broken_too() -> None:
    wide = odd(AddedToken("<end>", normalized=True), normalizer=normalizers.NFKC())
    end = wide.mark_names["<end>"]
    assert wide.encode("＜end＞ ＜end＞", named=True).ids == (end, end)
    assert end not in wide.encode(wide.guarded_names("＜end＞ ＜end＞"), named=True).ids


def test_names_are_broken_where_signs_without_width_are_not_seen() -> None:
    blind = odd(AddedToken("<end>", normalized=True), AddedToken("*"), normalizer=normalizers.Replace("\u200b", ""))
    assert blind.guarded_names("a <end>") == "a < end>"
    assert blind.mark_names["*"] not in blind.encode(blind.guarded_names("a * a"), named=True).ids


def test_a_word_that_nobody_knows_is_no_mark() -> None:
    plain = odd(normalizer=normalizers.NFC())
    assert plain.guarded_names("what is this") == "what is this"
    assert "[UNK]" not in plain.guarded_names("[UNK]")


def test_a_model_without_languages_is_told_none(text: Text) -> None:
    assert (text.languages, text.language_of) == ({}, None)
    with pytest.raises(InputError, match="the model is told no language: got 'fr'"):
        text.encode("Hi", language="fr")
