"""Languages that a model is told by a mark: M2M100's and NLLB's beside the source, Marian's for the target, mBART's behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from kinds import KINDS, trained

from limelight.errors import InputError
from limelight.families import habits
from limelight.inputs.published import read_text

hf = pytest.importorskip("transformers", reason="transformers is not installed (pip install -e .[bench])")
pytest.importorskip("sentencepiece")
pytestmark = pytest.mark.filterwarnings("ignore:Recommended")
TEXTS = ["le chat", "", "  La  biblioteca ", "黒い猫が"]


def test_m2m100_says_the_source_before_it(tmp_path: Path) -> None:
    kind = KINDS["m2m100"](tmp_path, hf)
    ours, theirs = kind.ours, kind.theirs
    assert (len(ours.languages), ours.language_of) == (100, "source")
    assert ours.languages == theirs.lang_code_to_id
    for language in ("en", "zu", "ast"):
        theirs.src_lang = language
        assert [list(found.ids) for found in ours.encode_all(TEXTS, language=language)] == theirs(TEXTS)["input_ids"]
    found = ours.encode("le chat", language="fr")
    assert (found.offsets[0], found.parts[0], found.offsets[-1]) == ((0, 0), None, (7, 7))
    assert ours.decode([ours.languages["fr"], *found.ids]) == "le chat"


def test_m2m100_knows_its_languages_where_the_folder_lists_none(tmp_path: Path) -> None:
    listed = KINDS["m2m100"](tmp_path, hf).ours.languages
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "unk_token": "<unk>"}))
    assert read_text(tmp_path, habits.TOLD_SOURCE).languages == listed


@pytest.mark.parametrize("saved", [False, True], ids=["model", "json"])
def test_nllb_says_the_source_before_it(saved: bool, tmp_path: Path) -> None:
    kind = KINDS["nllb"](tmp_path, hf)
    ours = kind.ours
    if saved:
        kind.theirs.save_pretrained(tmp_path / "saved")
        ours = read_text(tmp_path / "saved", habits.TOLD_SOURCE)
    assert (len(ours.languages), ours.language_of) == (202, "source")
    assert ours.languages["ace_Arab"] == kind.theirs.convert_tokens_to_ids("ace_Arab")
    texts = [" ".join(text.split()) for text in TEXTS]                 # the two forms differ in white space, see test_parity
    for language in ("eng_Latn", "zul_Latn"):
        kind.theirs.src_lang = language
        assert [list(found.ids) for found in ours.encode_all(texts, language=language)] == kind.theirs(texts)["input_ids"]


def test_marian_says_the_target_before_the_source(tmp_path: Path) -> None:
    kind = KINDS["marian"](tmp_path, hf)
    ours, theirs = kind.ours, kind.theirs
    assert (sorted(ours.languages), ours.language_of) == (["deu", "fra"], "target")
    wanted = theirs([f">>deu<< {text}" for text in TEXTS])["input_ids"]
    assert [list(found.ids) for found in ours.encode_all(TEXTS, language="deu")] == wanted
    assert [list(found.ids) for found in ours.encode_all([f">>deu<< {text}" for text in TEXTS], named=True)] == wanted
    assert ours.languages["deu"] not in ours.encode(">>deu<< le chat").ids
    assert ours.languages["deu"] not in ours.encode("le >>deu<< chat", named=True).ids


@pytest.mark.parametrize(("habit", "last"), [(habits.TOLD_MBART, True), (habits.TOLD_MBART50, False)], ids=["25", "50"])
def test_mbart_says_it_behind_and_later_before(habit: habits.Habit, last: bool, tmp_path: Path) -> None:
    (tmp_path / "sentencepiece.bpe.model").write_bytes(trained("unigram"))
    told = {"eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>", "additional_special_tokens": ["ar_AR", "cs_CZ", "en_XX"]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    ours = read_text(tmp_path, habit)
    plain, mark = ours.encode("le chat", marks=False).ids, ours.languages["en_XX"]
    assert ours.encode("le chat", language="en_XX").ids == ((*plain, ours.end, mark) if last else (mark, *plain, ours.end))
    assert ours.mask == mark + 1


def test_a_language_that_is_not_there(tmp_path: Path) -> None:
    ours = KINDS["m2m100"](tmp_path, hf).ours
    with pytest.raises(InputError, match=r"does not know the language 'esp'.* Did you mean \"es\"\?"):
        ours.encode("hola", language="esp")
    with pytest.raises(InputError, match="got two texts, or none of its marks"):
        ours.encode("hola", "mundo", language="es")
    with pytest.raises(InputError, match="got two texts, or none of its marks"):
        ours.encode("hola", marks=False, language="es")


def test_a_model_of_one_pair_has_none(tmp_path: Path) -> None:
    kind = KINDS["marian"](tmp_path, hf)
    vocab = json.loads((tmp_path / "vocab.json").read_text())
    (tmp_path / "one").mkdir()
    for name in ("source.spm", "target.spm", "tokenizer_config.json"):
        shutil.copy(tmp_path / name, tmp_path / "one" / name)
    (tmp_path / "one" / "vocab.json").write_text(json.dumps({name: i for name, i in vocab.items() if not name.startswith(">>")}))
    one = read_text(tmp_path / "one", habits.TOLD_TARGET)
    assert (one.languages, one.language_of) == ({}, None)
    assert kind.ours.encode("le chat").ids == one.encode("le chat").ids
    with pytest.raises(InputError, match="the model is told no language: got 'fra'"):
        one.encode("le chat", language="fra")


def test_answers_are_cut_as_the_model_writes_them(tmp_path: Path) -> None:
    """Marian's target has pieces of its own; all others read what they write."""
    import sentencepiece

    ours = KINDS["marian"](tmp_path, hf).ours
    target = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "target.spm"))
    vocab = json.loads((tmp_path / "vocab.json").read_text())
    for text in ("le chat noir", "un été à Paris."):
        ids = ours.answers.encode(text).ids
        assert ids == (*(vocab[piece] for piece in target.encode(text, out_type=str)), vocab["</s>"])
        assert ours.decode(ids) == text
    assert any(ours.answers.encode(text).ids != ours.encode(text).ids for text in ("le chat noir", "un été à Paris.", "une maison"))
    (tmp_path / "m2m").mkdir()
    other = KINDS["m2m100"](tmp_path / "m2m", hf).ours
    assert other.answers is other
