"""Published tokenizers, beside transformers' on lines of many kinds: the same ids, the same text back."""

from __future__ import annotations

import io
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
from limelight.errors import WeightError
from limelight.families import habits
from limelight.inputs import Text
from limelight.inputs.published import Habit, read_text

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")
spm = pytest.importorskip("sentencepiece")

LETTERS = ["abcdefghij", "ABCXYZ", "éèàçœ", "жяю", "אבג", "黒猫が", "한국", "हिन्दी", "🙂👩‍👧👍🏽", "0123456789", ".,;:!?'’«»"]
LETTERS += [" ", "  ", "\t\u00a0\u200d", "\x07\ufffd"]
BERT = Habit(one="[CLS] $A [SEP]", two="[CLS] $A [SEP] $B:1 [SEP]:1")
ROBERTA = Habit(one="<s> $A </s>", two="<s> $A </s> </s> $B </s>")


def lines(count: int = 1500) -> list[str]:
    dice = random.Random(0)
    return ["".join(dice.choice(dice.choice(LETTERS)) for _ in range(dice.randint(0, 40))) for _ in range(count)]


def sentences(data_sets: Path) -> list[str]:
    with (data_sets / "tatoeba_eng_fra" / "fra.txt").open(encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for _, line in zip(range(60_000), file, strict=False)]
    return [side for row in rows[::40] for side in row[:2]]


def same(ours: Text, theirs: Any, texts: list[str]) -> None:
    wanted = theirs(texts)["input_ids"]
    for text, found, want in zip(texts, ours.encode_all(texts), wanted, strict=True):
        assert list(found.ids) == want, repr(text)
        for (a, b), part in zip(found.offsets, found.parts, strict=True):
            assert 0 <= a <= b <= len(text), repr(text)
            assert part is not None or a == b
    back = [theirs.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) for ids in wanted]
    trim = str if theirs.is_fast else str.strip                     # theirs that are no fast ones strip
    assert [*map(trim, ours.decode_all(wanted))] == back


@pytest.fixture(scope="module")
def bert(data_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    shutil.copy(data_sets / "bert_vocab" / "bert_uncased_vocab.txt", folder / "vocab.txt")
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer", **marks}))
    return folder


@pytest.fixture(scope="module")
def gpt2(data_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt2")
    shutil.copy(data_sets / "gpt2_bpe" / "encoder.json", folder / "vocab.json")
    shutil.copy(data_sets / "gpt2_bpe" / "vocab.bpe", folder / "merges.txt")
    marks = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "GPT2Tokenizer", **marks}))
    return folder


def test_word_pieces(bert: Path, data_sets: Path) -> None:
    ours, theirs = read_text(bert, BERT), hf.BertTokenizer.from_pretrained(bert)
    same(ours, theirs, lines() + sentences(data_sets))
    assert (ours.pad, ours.mask) == (theirs.pad_token_id, theirs.mask_token_id)
    pair = ours.encode("who ate it?", "The cat did.")
    wanted = theirs("who ate it?", "The cat did.")
    assert list(pair.ids) == wanted["input_ids"]
    assert list(pair.segments) == wanted["token_type_ids"]
    assert [pair.other[a:b] for (a, b), part in zip(pair.offsets, pair.parts, strict=True) if part == 1] == ["The", "cat", "did", "."]


def test_byte_pairs(gpt2: Path, data_sets: Path) -> None:
    ours, theirs = read_text(gpt2, Habit()), hf.GPT2Tokenizer.from_pretrained(gpt2)
    same(ours, theirs, lines() + sentences(data_sets))
    assert ours.end == 50256


@pytest.mark.parametrize("made", ["bert", "gpt2"])
def test_the_json_of_either_cuts_the_same(made: str, data_sets: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(made)
    theirs = hf.AutoTokenizer.from_pretrained(folder)
    theirs.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").exists()
    same(read_text(tmp_path, Habit()), theirs, lines(400) + sentences(data_sets)[:400])


# --- sentencepiece ----------------------------------------------------------------------------------------------------
def trained(texts: list[str], kind: str, **more: Any) -> bytes:
    out = io.BytesIO()
    usual = {"vocab_size": 400, "model_type": kind, "minloglevel": 2, "hard_vocab_limit": False}
    spm.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=out, **usual, **more)
    return out.getvalue()


def tiny_words() -> list[str]:
    return sorted({word for pair in tiny.ALL for side in pair for word in side.split()})


@pytest.fixture(scope="module")
def texts() -> list[str]:
    words = tiny_words()
    dice = random.Random(1)
    return [" ".join(dice.choices(words, k=dice.randint(3, 12))) for _ in range(600)]


@pytest.fixture
def marian(texts: list[str], tmp_path: Path) -> Path:
    pieces = ["</s>", "<unk>"]
    for name in ("source", "target"):
        data = trained(texts[:: 1 if name == "source" else 2], "unigram")
        (tmp_path / f"{name}.spm").write_bytes(data)
        found = spm.SentencePieceProcessor(model_proto=data)
        pieces += [found.id_to_piece(i) for i in range(found.get_piece_size())]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys([*pieces, "<pad>"]))}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    marks = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "tokenizer_class": "MarianTokenizer"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"source_lang": "en", "target_lang": "fr", **marks}))
    return tmp_path


@pytest.mark.filterwarnings("ignore:Recommended")              # transformers would like sacremoses
def test_marian_has_two(marian: Path, texts: list[str]) -> None:
    ours, theirs = read_text(marian, Habit(one="$A </s>")), hf.MarianTokenizer.from_pretrained(marian)
    same(ours, theirs, texts[:200] + lines(400))
    assert ours.end == theirs.eos_token_id
    assert ours.pad == theirs.pad_token_id


FAIRSEQ = ("<s>", "<pad>", "</s>", "<unk>")
CAMEMBERT = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED")


@pytest.mark.parametrize(("first", "later", "ends"), [(FAIRSEQ, 1, (0, 2)), (CAMEMBERT, 4, (5, 6))])
def test_what_fairseq_numbers_anew(first: tuple[str, ...], later: int, ends: tuple[int, int], texts: list[str], tmp_path: Path) -> None:
    """Its own pieces are so much later as it has put before them; what they do not know is its <unk>."""
    data = trained(texts, "unigram")
    (tmp_path / "sentencepiece.bpe.model").write_bytes(data)
    marks = {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(marks))
    ours, theirs = read_text(tmp_path, replace(ROBERTA, first=first)), spm.SentencePieceProcessor(model_proto=data)
    for text in [*texts[:200], *lines(100)]:
        pieces = [3 if i == theirs.unk_id() else i + later for i in theirs.encode(text)]
        assert ours.encode(text).ids == (ends[0], *pieces, ends[1])
    assert (ours.pad, ours.start, ours.end) == (1, *ends)
    assert ours.mask == theirs.get_piece_size() + later


def test_offsets_of_sentence_pieces_are_characters(marian: Path) -> None:
    ours = read_text(marian, Habit(one="$A </s>"))
    text = "le  garçon a mangé"
    found = ours.encode(text)
    assert "".join(text[a:b] for a, b in found.offsets) == "legarçonamangé"
    assert found.offsets[-1] == (len(text), len(text))


# --- what is broken ---------------------------------------------------------------------------------------------------
BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "holds no tokenizer"),
    "no_json": ({"tokenizer.json": "{"}, "is not a tokenizer"),
    "a_list": ({"vocab.json": "[]", "merges.txt": ""}, "holds no table"),
    "no_pairs": ({"vocab.json": '{"a": 0}', "merges.txt": "a b c"}, "no pieces and merges"),
    "no_fit": ({"vocab.json": '{"a": 0}', "merges.txt": "x y"}, "do not fit"),
    "not_spm": ({"spiece.model": "hello"}, "sentencepiece model cannot be read"),
    "no_marks": ({"vocab.txt": "a\nb\n[UNK]"}, "which stands around every text"),
    "bad_pattern": (
        {
            "tokenizer.json": json.dumps(
                {
                    "version": "1.0",
                    "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
                    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": False},
                }
            )
        },
        "is not a tokenizer",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_tokenizer_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    files, said = BROKEN[name]
    for each, content in files.items():
        (tmp_path / each).write_text(content)
    with pytest.raises(WeightError, match=said):
        read_text(tmp_path, BERT if name == "no_marks" else Habit())


def test_a_mark_of_llama_s_own_pieces_is_not_asked_of_byte_pairs(tmp_path: Path) -> None:
    """SmolLM is of Llama's kind, and has GPT-2's tokenizer."""
    (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 1, "ab": 2}))
    (tmp_path / "merges.txt").write_text("a b\n")
    assert read_text(tmp_path, habits.BEGUN).encode("ab").ids == (2,)
