"""Every kind of published tokenizer beside transformers', on three thousand hard lines: the same ids, the same text back.

Held exactly wherever both run the same code. transformers 5 has no tokenizer of its own for T5's, XLM-R's, NLLB's and Llama's
sentencepiece files: it turns them into the tokenizers library's form, which differs from sentencepiece in white space at the ends, in
letters with accents apart, and around marks. There the sentencepiece library itself, which those models were trained with, is the measure,
and transformers is compared where nothing of that kind is in a line. As `tokenizer.json` they are held exactly again.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kinds import KINDS, Kind, word_pieces
from lines import lines

from limelight.families import habits
from limelight.inputs import Text
from limelight.inputs.published import Habit, read_text

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")
spm = pytest.importorskip("sentencepiece")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended")              # transformers would like sacremoses

EXACT = ("gpt2", "qwen2", "roberta", "bert", "bert-cased", "chat", "m2m100", "marian")
TURNED = ("t5", "xlm-roberta", "nllb", "llama")
LANGUAGE = {"nllb": "fra_Latn", "m2m100": "fr"}
LINES = lines()


@pytest.fixture(scope="module")
def kind(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Kind]:
    made: dict[str, Kind] = {}

    def get(name: str) -> Kind:
        if name not in made:
            made[name] = KINDS[name](tmp_path_factory.mktemp(name), hf)
        return made[name]

    return get


def compare(ours: Text, theirs: Any, texts: list[str], *, named: bool, language: str | None = None) -> list[list[int]]:
    """The ids that both give."""
    wanted = theirs(texts, split_special_tokens=not named)["input_ids"]
    for text, found, want in zip(texts, ours.encode_all(texts, named=named, language=language), wanted, strict=True):
        assert list(found.ids) == want, repr(text)
        assert all(0 <= a <= b <= len(text) for a, b in found.offsets), repr(text)
        assert all(a == b for (a, b), part in zip(found.offsets, found.parts, strict=True) if part is None)
    return wanted


def test_lines_are_many_and_of_all_kinds() -> None:
    assert len(LINES) == 3000
    assert len(set(LINES)) > 2500
    assert {unicodedata.category(c) for line in LINES for c in line} >= {"Lu", "Lo", "Mn", "Mc", "Nd", "Cc", "Cf", "Co", "Cn", "So", "Zs"}
    assert lines() == LINES


@pytest.mark.parametrize("named", [False, True], ids=["typed", "named"])
@pytest.mark.parametrize("name", EXACT)
def test_the_same_ids_and_the_same_text_back(name: str, named: bool, kind: Callable[[str], Kind]) -> None:
    ours, theirs = kind(name).ours, kind(name).theirs
    ids = compare(ours, theirs, LINES, named=named, language=LANGUAGE.get(name))
    back = [theirs.decode(row, skip_special_tokens=True) for row in ids]
    assert ours.decode_all(ids) == back if theirs.is_fast else [text.strip() for text in ours.decode_all(ids)] == back


# --- the same as one tokenizer.json -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*(name for name in EXACT if name not in ("m2m100", "marian")), *TURNED])
def test_a_tokenizer_json_cuts_the_same(name: str, kind: Callable[[str], Kind], tmp_path: Path) -> None:
    kind(name).theirs.save_pretrained(tmp_path)
    assert not [*tmp_path.glob("*.model")]
    ours, theirs = read_text(tmp_path, Habit()), kind(name).theirs
    texts = LINES if name in TURNED else LINES[::3]                         # the others have shown all lines above, as files
    ids = compare(ours, theirs, texts, named=True)
    assert ours.decode_all(ids) == [theirs.decode(row, skip_special_tokens=True) for row in ids]


@pytest.mark.parametrize("name", [*EXACT, *TURNED])
@pytest.mark.parametrize("saved", [False, True], ids=["files", "json"])
def test_nobody_who_types_gives_a_mark(name: str, saved: bool, kind: Callable[[str], Kind], tmp_path: Path) -> None:
    ours = kind(name).ours
    if saved and kind(name).theirs.is_fast:
        kind(name).theirs.save_pretrained(tmp_path)
        ours = read_text(tmp_path, Habit())
    marks = {i for name, i in ours.mark_names.items() if not name.endswith("think>")} - {ours.marks.unknown}
    for mark in [*ours.mark_names][:20]:
        text = f"say {mark}, {mark}{mark} é\n{mark}"
        found, pair = ours.encode(text), ours.encode("x", text)
        for each, part in ((found, 0), (pair, 1)):
            assert not marks & {i for i, p in zip(each.ids, each.parts, strict=True) if p == part}, mark
        assert all(0 <= a <= b <= len(text) for a, b in found.offsets)
        assert {c for a, b in found.offsets for c in text[a:b]} >= set(mark.strip()) - set(" ")
        assert not marks & set(ours.encode(ours.guarded_names(text), marks=False, named=True).ids)


# --- sentencepiece's files that transformers turns into another form --------------------------------------------------
def shifted(name: str, folder: Path) -> Callable[[str], list[int]]:
    """The sentencepiece library by itself, with the ids and marks that each kind is published with."""
    model = spm.SentencePieceProcessor(model_file=str(next(folder.glob("*.model"))))
    if name == "t5":
        return lambda text: [*model.encode(text), 1]
    if name == "llama":
        return lambda text: [1, *model.encode(text)]
    later = {"xlm-roberta": [0], "nllb": []}[name]
    return lambda text: [*later, *(3 if i == model.unk_id() else i + 1 for i in model.encode(text)), 2]


@pytest.mark.parametrize("name", TURNED)
def test_sentencepieces_own_ids(name: str, kind: Callable[[str], Kind]) -> None:
    wanted = shifted(name, kind(name).folder)
    for text, found in zip(LINES, kind(name).ours.encode_all(LINES), strict=True):
        assert list(found.ids) == wanted(text), repr(text)


def plain(text: str) -> bool:
    """Whether sentencepiece and its other form are one: white space between words alone, no accents apart, nothing unseen, no marks."""
    seen = all(unicodedata.category(c)[0] not in "MC" and c not in "▁\u20c1\ufffd" for c in text + unicodedata.normalize("NFKC", text))
    marks = ("<s>", "</s>", "<unk>", "<pad>", "<mask>", "<extra")
    return seen and text == " ".join(text.split()) and not any(mark in text for mark in marks)


@pytest.mark.parametrize("name", TURNED)
def test_transformers_ids_where_its_other_form_is_the_same(name: str, kind: Callable[[str], Kind]) -> None:
    texts = [text for text in LINES if plain(text)]
    assert len(texts) > 500
    ids = compare(kind(name).ours, kind(name).theirs, texts, named=True, language=LANGUAGE.get(name))
    compare(kind(name).ours, kind(name).theirs, texts, named=False, language=LANGUAGE.get(name))
    back = [kind(name).theirs.decode(row, skip_special_tokens=True) for row in ids]
    trim = str if name == "llama" else str.lstrip                          # behind what is unknown sentencepiece leaves no space
    assert [*map(trim, kind(name).ours.decode_all(ids))] == [*map(trim, back)]


def test_marks_in_a_sentencepiece_text(kind: Callable[[str], Kind]) -> None:
    for name in ("t5", "xlm-roberta"):
        texts = ["a <unk> b</s>", "</s><pad>x", "<extra_id_0> a <extra_id_99> <mask>"]
        compare(kind(name).ours, kind(name).theirs, texts, named=True)
    assert [kind("t5").ours.mark_names[f"<extra_id_{i}>"] for i in (99, 0)] == [len(kind("t5").ours) - 100, len(kind("t5").ours) - 1]
    assert kind("nllb").ours.mask == kind("nllb").theirs.mask_token_id


# --- spaces before signs ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("made", ["bert", "chat"])
def test_spaces_before_signs_go_where_the_folder_asks_for_it(made: str, tmp_path: Path) -> None:
    told = {"clean_up_tokenization_spaces": True}
    theirs = word_pieces(tmp_path, hf, **told).theirs if made == "bert" else KINDS[made](tmp_path, hf).theirs
    theirs.clean_up_tokenization_spaces = True
    theirs.save_pretrained(tmp_path)
    ours = read_text(tmp_path, habits.WORD_PIECES)
    ids = theirs([*LINES[:400], "I don ' t , we ' ve ! it 's n't 'm 're"], add_special_tokens=False)["input_ids"]
    back = [theirs.decode(row, skip_special_tokens=True) for row in ids]
    assert ours.decode_all(ids) == back
    assert (back != [theirs.decode(row, skip_special_tokens=True, clean_up_tokenization_spaces=False) for row in ids]) == (made == "bert")
