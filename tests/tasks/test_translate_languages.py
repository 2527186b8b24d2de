"""Translation among many languages: told by a mark before the source, a first token, or in words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
import tiny
from limelight.errors import RecipeError
from limelight.tasks.translate.task import Translate
from published import ALL, hf


def folder(name: str, at: Path, marks: list[str]) -> Any:
    """A tiny model whose tokenizer has marks for languages -> theirs."""
    text, made = tiny.text(), ALL[name]
    pieces = text.engine.tokenizer
    pieces.add_special_tokens(marks)
    keys = {"pad_token_id": text.pad, "bos_token_id": text.start, "eos_token_id": text.end, "decoder_start_token_id": text.end}
    torch.manual_seed(0)
    theirs = replace(made, keys=tuple((dict(made.keys) | keys | {"vocab_size": len(text) + len(marks)}).items())).build()
    theirs.generation_config = hf.GenerationConfig(**keys, max_length=9, num_beams=2)
    theirs.save_pretrained(at)
    (at / "tokenizer.json").write_text(pieces.to_str())
    (at / "tokenizer_config.json").write_text(json.dumps({"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}))
    return theirs


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Translate]:
    at = tmp_path_factory.mktemp("many") / "m2m"
    return folder("m2m_100-ForConditionalGeneration", at, ["__en__", "__fr__", "__de__"]), limelight.task("translate", at, dtype="fp32")


def test_both_languages_are_told_as_the_published_model_wants_them(many: tuple[Any, Translate]) -> None:
    theirs, ours = many
    text = ours.opened.text
    for target in ("fr", "de"):
        ids = [text.languages["en"], *text.encode("Tom sees the mouse.").ids]
        said = theirs.generate(torch.tensor([ids]), forced_bos_token_id=text.languages[target], max_length=9, num_beams=2)[0].tolist()
        found = ours("Tom sees the mouse.", source_language="en", target_language=target)
        assert found.text == text.decode(said).strip(" ")
        assert found.steps[0].piece == f"__{target}__"
    pair = {"source_language": "en", "target_language": "fr"}
    assert ours(["Tom.", "Mary."], **pair)[1].text == ours("Mary.", **pair).text


def test_languages_that_are_missing_or_unknown_are_refused(many: tuple[Any, Translate], translate: Translate) -> None:
    ours = many[1]
    for how, said in (
        ({}, "m2m speaks 3 languages: which to translate into was not said.   Give target_language"),
        ({"target_language": "fr"}, "wants to know the language of a source"),
        ({"target_language": "fr", "source_language": "enn"}, r"does not speak 'enn' \(source_language\).   Did you mean \"en\""),
    ):
        with pytest.raises(RecipeError, match=said):
            ours("Tom.", **how)
    assert translate("Tom.", source_language="en", target_language="fr").text == translate("Tom.").text
    with pytest.raises(RecipeError, match="tiny has one pair of languages, en to fr: got target_language='de'"):
        translate("Tom.", target_language="de")


def test_a_model_may_want_only_the_language_that_it_writes(tmp_path: Path) -> None:
    theirs = folder("marian-MTModel", tmp_path, [">>fra<<", ">>deu<<"])
    ours = limelight.task("translate", tmp_path, dtype="fp32")
    text = ours.opened.text
    ids = [text.languages["deu"], *text.encode("Tom.").ids]
    said = theirs.generate(torch.tensor([ids]), max_length=9, num_beams=2)[0].tolist()
    assert ours("Tom.", target_language="deu").text == text.decode(said).strip(" ")
    with pytest.raises(RecipeError, match="speaks 2 languages"):
        ours("Tom.")


def test_a_model_may_be_told_in_words(tmp_path: Path) -> None:
    folder("t5-ForConditionalGeneration", tmp_path, [])
    config = json.loads((tmp_path / "config.json").read_text())
    uses = {"translation_en_to_fr": {"prefix": "to French: "}, "translation_en_to_de": {"prefix": "to German: "}}
    (tmp_path / "config.json").write_text(json.dumps({**config, "task_specific_params": uses}))
    ours = limelight.task("translate", tmp_path, dtype="fp32")
    count = len(ours.opened.text.encode("to German: Tom.").ids)
    assert ours("Tom.", target_language="de").cost.source_tokens == count
    with pytest.raises(RecipeError, match=r"translates en to fr, en to de: got .*=None, which is several of them"):
        ours("Tom.")
    with pytest.raises(RecipeError, match="which is none of them"):
        ours("Tom.", target_language="es")
