"""Forced alignment: words of a translation that was given, of models that were measured and of those that nobody has measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
import tiny
from limelight.errors import InputError, RecipeError, TaskError
from limelight.hub import Opened, keep
from limelight.inputs import words
from limelight.tasks.align import Align
from limelight.tasks.exams import Asking, exam_of
from limelight.tasks.translate.task import Translate
from limelight.tasks.translate.unmeasured import mutual_bests
from published import ALL, hf

Learnt = list[tuple[str, str]]


@pytest.fixture(scope="module")
def align(opened: Opened) -> Align:
    return Align(opened)


def test_a_given_translation_is_aligned_as_its_own_would_be(align: Align, translate: Translate, learnt: Learnt) -> None:
    own = translate([source for source, _ in learnt[:4]])
    found = align(learnt[:4])
    for each, theirs, (source, target) in zip(found, own, learnt, strict=False):
        assert theirs.text == target
        assert each.alignment.links == theirs.alignment.links
        assert (each.source, each.target, str(each)) == (source, target, theirs.alignment.pharaoh)
        assert each.pictures[0].how == theirs.pictures[0].how
        assert each.trust == theirs.pictures[0].trust
        assert each.logprob == pytest.approx(sum(torch.log(torch.tensor(s.probability)).item() for s in theirs.steps), abs=1e-3)
    assert align(learnt[0][0], target=learnt[0][1]).alignment.links == found[0].alignment.links


def test_a_wrong_translation_is_unlikely_and_aligned_all_the_same(align: Align, learnt: Learnt) -> None:
    right, wrong = align([learnt[0], (learnt[0][0], learnt[7][1])])
    assert right.perplexity < 2 < wrong.perplexity
    assert wrong.alignment.target == tuple(learnt[7][1][a:b] for a, b in words(learnt[7][1]))
    plain = wrong.to_json()
    assert json.loads(json.dumps(plain))["alignment"]["unlinked"]["target"] == list(wrong.alignment.unlinked[1])
    assert {"target", "logprob", "perplexity", "source", "model", "alignment"} <= plain.keys()
    assert wrong.cells() == {"": wrong.alignment.pharaoh}


def test_words_between_spaces_keep_their_places(align: Align) -> None:
    (found,) = align([("Tom sees the mouse .", "Tom voit la souris .")], split="spaces")
    assert (found.source, found.target) == ("Tom sees the mouse.", "Tom voit la souris.")
    assert (found.alignment.source, found.alignment.target) == (("Tom", "sees", "the", "mouse", "."), ("Tom", "voit", "la", "souris", "."))
    (glued,) = align([("Le chat de l' ami .", "a")], split="spaces")
    assert glued.alignment.source == ("Le", "chat", "de", "l'", "ami", ".")


def test_a_page_shows_the_pair(align: Align, learnt: Learnt, tmp_path: Path) -> None:
    found = align(*learnt[0][:1], target=learnt[0][1])
    page = found.save_html(tmp_path / "pair.html").read_text(encoding="utf-8")
    assert "souris" in page or learnt[0][1].split()[0] in page
    assert "<iframe" in found._repr_html_()


@pytest.mark.parametrize(
    ("given", "how", "said"),
    [
        ("Tom.", {}, "came without a translation"),
        (["Tom."], {}, "pair 1 of 1 is no pair of texts: got 'Tom.'"),
        ([("a", "b"), ("a",)], {}, "pair 2 of 2 is no pair"),
        ([("a", 3)], {}, "pair 1 of 1 is no pair"),
        (7, {}, "a list of pairs, is wanted: got int"),
        ([("", "Tom.")], {}, "the source has no words"),
        ([("Tom.", "Tom."), ("Tom.", " \n")], {}, "text 2 of 2: the translation has no words"),
        ([("the cat " * 60, "Tom.")], {}, r"a source has \d+ tokens; tiny has room for 64"),
        ([("Tom.", "x"), ("Tom.", "le chat " * 60)], {}, r"pair 2 of 2: a translation has \d+ tokens; tiny has room for 64"),
    ],
)
def test_what_cannot_be_aligned_is_refused(align: Align, given: Any, how: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        align(given, **how)


def test_options_and_models_that_do_not_fit_are_refused(align: Align, learnt_words: Any) -> None:
    with pytest.raises(RecipeError, match="split"):
        align([("a", "b")], split="lines")
    with pytest.raises(RecipeError, match="has one pair of languages, en to fr"):
        align([("a", "b")], target_language="de")
    with pytest.raises(TaskError, match="cannot align"):
        limelight.task("align", learnt_words("bert"))
    align.check(("a", "b"))
    with pytest.raises(InputError, match="no words"):
        align.check(("a", ""))


# --- models that nobody has measured ---------------------------------------------------------------------------------
def test_without_gold_the_most_mutual_layer_is_taken_and_says_so(opened: Opened, learnt: Learnt) -> None:
    bare = Align(replace(opened, manifest=replace(opened.manifest, aligner=None)))
    found = bare(learnt[:3])
    assert all("how often it is right is not measured" in each.trust for each in found)
    assert "% of target words are mutual bests" in found[0].trust
    assert found[0].pictures[0].how.startswith("decoder.")
    assert bare([learnt[9]])[0].trust == found[0].trust, "chosen once"


def test_mutual_bests_are_counted() -> None:
    assert mutual_bests(torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.0, 0.0]])) == (1, 3)
    assert mutual_bests(torch.eye(4)) == (4, 4)
    assert mutual_bests(torch.zeros(2, 0)) == (0, 2)


def stored(name: str, at: Path, marks: list[str], **config: Any) -> Opened:
    """A tiny published model that translates, with marks for languages."""
    text, made = tiny.text(), ALL[name]
    pieces = text.engine.tokenizer  # pyright: ignore[reportAttributeAccessIssue]
    pieces.add_special_tokens(marks)
    keys = {"pad_token_id": text.pad, "bos_token_id": text.start, "eos_token_id": text.end, "decoder_start_token_id": text.start}
    torch.manual_seed(0)
    theirs = replace(made, keys=tuple((dict(made.keys) | keys | {"vocab_size": len(text) + len(marks)}).items())).build()
    theirs.generation_config = hf.GenerationConfig(**keys, max_length=12)
    theirs.save_pretrained(at)
    (at / "tokenizer.json").write_text(pieces.to_str())
    (at / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}))
    told = json.loads((at / "config.json").read_text())
    (at / "config.json").write_text(json.dumps({**told, **config}))
    return limelight.open(at, dtype="fp32")


USES = {"translation_en_to_fr": {"prefix": "to French: "}}
KINDS = {
    "marian-MTModel": ([], {}, {}),
    "m2m_100-ForConditionalGeneration": (["__en__", "__fr__"], {}, {"source_language": "en", "target_language": "fr"}),
    "t5-ForConditionalGeneration": ([], {"task_specific_params": USES}, {"target_language": "fr"}),
    "bart-ForConditionalGeneration": ([], {}, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_that_translates_aligns_what_it_wrote_as_it_wrote_it(kind: str, tmp_path: Path) -> None:
    marks, config, languages = KINDS[kind]
    opened = stored(kind, tmp_path, marks, **config)
    translate = Translate(opened)
    source = "Tom sees the mouse."
    written = translate(source, align=True, min_length=4, **languages)
    assert written.alignment.source == tuple(source[a:b] for a, b in words(source)), "what asks for a translation is no word of it"
    assert "not measured" in written.pictures[0].trust
    found = Align(opened)([(source, written.text)], **languages)[0]
    assert found.alignment.source == written.alignment.source
    assert found.alignment.links == written.alignment.links
    (shown,) = found.pictures
    assert shown.tokens is not None
    if marks:
        assert shown.tokens.target[0] == "__fr__"


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_that_translates_is_examined_and_keeps_what_was_found(kind: str, tmp_path: Path, learnt: Learnt) -> None:
    marks, config, languages = KINDS[kind]
    opened = stored(kind, tmp_path / "model", marks, **config)
    pairs = [(s.replace(".", " ."), t.replace(".", " .")) for s, t in learnt[:8]]
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "toy.pairs").write_text("".join(f"{s} ||| {t}\n" for s, t in pairs), encoding="utf-8")
    (tmp_path / "gold" / "toy.links").write_text("".join(f"0-0 1-1 {min(len(s.split()), len(t.split())) - 1}p0\n" for s, t in pairs))
    told = (languages.get("source_language"), languages.get("target_language"))
    found = exam_of("align").take(opened, Asking(data=(tmp_path / "gold",), languages=told, choose_on=4))
    assert found.aligner is not None
    assert 0 <= found.aligner.aer <= 1
    keep(opened.folder, aligner=found.aligner)
    result = Translate(limelight.open(opened.folder, dtype="fp32"))(learnt[0][0], min_length=4, **languages)
    assert result.pictures[0].trust.endswith("on 4 gold pairs not used to choose it (0 is perfect)")
