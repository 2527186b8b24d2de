"""Published folders open by path and do a task, through the same door as our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
from limelight.cli import main
from limelight.errors import TaskError
from limelight.inputs import Batch
from published import hf, published

SAID = ["The black cat sees the mouse.", "Tom wants a bird.", "Mary"]


SETTINGS: dict[str, dict[str, Any]] = {
    "greedy": {"max_new_tokens": 12},
    "as_summaries_are": {
        "num_beams": 3, "length_penalty": 2.0, "min_length": 6, "max_length": 15, "no_repeat_ngram_size": 3,
        "early_stopping": True, "forced_bos_token_id": 5, "forced_eos_token_id": 2,
    },
    "as_translations_are": {
        "num_beams": 4, "max_length": 14, "bad_words_ids": [[0], [7, 8]], "forced_eos_token_id": 2, "repetition_penalty": 1.3,
    },
}  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", ["marian-MTModel", "bart-ForConditionalGeneration", "t5-ForConditionalGeneration"])
def test_a_folder_translates_as_its_settings_ask(name: str, settings: str, tmp_path: Path) -> None:
    theirs = published(name, tmp_path, **SETTINGS[settings])
    translate = limelight.task("translate", tmp_path, dtype="fp32")
    assert translate.opened.manifest.generation.beam == SETTINGS[settings].get("num_beams", 1)
    tokens = hf.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    for said in SAID:
        ids = torch.tensor([translate.opened.text.encode(said).ids])
        wanted = theirs.generate(ids, use_cache=not name.startswith("t5"))[0]
        assert translate(said).text == tokens.decode(wanted, skip_special_tokens=True).strip(" ")


def test_a_classifier_opens_with_its_labels(tmp_path: Path) -> None:
    theirs = published("distilbert-ForSequenceClassification", tmp_path)
    opened = limelight.open(tmp_path, dtype="fp32")
    (head,) = opened.manifest.spec.heads
    assert head.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    ids = torch.tensor([opened.text.encode(SAID[0]).ids])
    with torch.no_grad():
        assert torch.allclose(opened.model.classify(Batch(ids)), theirs(ids).logits, atol=1e-5)


MADE_FOR = {
    "bert-ForMaskedLM": "fill",
    "llama-ForCausalLM": "generate",
    "t5-ForConditionalGeneration": "translate",
    "bert-ForSequenceClassification": "classify",
    "bert-ForTokenClassification": "extract",
    "bert-ForQuestionAnswering": "answer",
    "bert-Model": "embed",
}


@pytest.mark.parametrize("name", MADE_FOR)
def test_what_a_folder_was_made_for(name: str, tmp_path: Path) -> None:
    published(name, tmp_path)
    assert limelight.open(tmp_path, dtype="fp32").manifest.task == MADE_FOR[name]
    if MADE_FOR[name] != "translate":
        with pytest.raises(TaskError, match=f"cannot translate: .* It can .*{MADE_FOR[name]}"):
            limelight.task("translate", tmp_path)


@pytest.mark.parametrize("name", ["marian-MTModel", "bert-ForMaskedLM", "gpt2-LMHeadModel", "llama-ForCausalLM"])
def test_what_is_converted_opens_elsewhere_and_here_with_the_same_numbers(name: str, tmp_path: Path) -> None:
    theirs = published(name, tmp_path / "a", max_new_tokens=9)
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    ours, again = limelight.open(tmp_path / "a", dtype="fp32"), limelight.open(tmp_path / "b", dtype="fp32")
    assert again.manifest.spec == ours.manifest.spec
    assert again.manifest.generation == ours.manifest.generation
    assert all(torch.equal(weight, again.model.state_dict()[key]) for key, weight in ours.model.state_dict().items())
    elsewhere = type(theirs).from_pretrained(tmp_path / "b").eval()
    ids = torch.tensor([ours.text.encode(SAID[0]).ids])
    more = {"decoder_input_ids": ids} if theirs.config.is_encoder_decoder else {}
    with torch.no_grad():
        assert torch.equal(elsewhere(ids, **more).logits, theirs(ids, **more).logits)


def test_saved_it_has_the_form_that_it_had(tmp_path: Path, tiny_folder: Path) -> None:
    theirs = published("llama-ForCausalLM", tmp_path / "a")
    opened = limelight.open(tmp_path / "a", dtype="fp32")
    opened.save(tmp_path / "b")
    opened.save(tmp_path / "half", bits="bf16")
    ids = torch.tensor([opened.text.encode(SAID[0]).ids])
    with torch.no_grad():
        wanted = theirs(ids).logits
        assert torch.equal(type(theirs).from_pretrained(tmp_path / "b").eval()(ids).logits, wanted)
        half = type(theirs).from_pretrained(tmp_path / "half").eval()(ids).logits
        assert half.dtype == torch.bfloat16
        assert 0 < (half - wanted).abs().max() < 0.1
    ours = limelight.open(tiny_folder, dtype="fp32")
    ours.save(tmp_path / "c", bits="int8")
    again = limelight.open(tmp_path / "c", dtype="fp32")
    assert (ours.form, again.form, again.manifest) == ("limelight", "limelight", ours.manifest)
    assert (tmp_path / "c" / "README.md").read_text() == "# tiny\n"
    assert (opened.form, limelight.open(tmp_path / "half", dtype="fp32").form) == ("published", "published")


def test_a_form_that_a_model_cannot_have_is_refused(tmp_path: Path, tiny_folder: Path) -> None:
    published("gpt2-LMHeadModel", tmp_path / "a")
    opened = limelight.open(tmp_path / "a", dtype="fp32")
    with pytest.raises(TaskError, match="do not read limelight's int8"):
        opened.save(tmp_path / "b", bits="int8")
    with pytest.raises(TaskError, match="published tokenizer"):
        opened.save(tmp_path / "b", form="limelight")
    with pytest.raises(TaskError, match="is no published kind of model"):
        limelight.open(tiny_folder).save(tmp_path / "b", form="published")
    assert not (tmp_path / "b").exists()


def test_a_published_tokenizer_is_not_passed_off_as_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published("marian-MTModel", tmp_path / "a")
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "b"), "--to", "limelight"]) == 2
    assert "published tokenizer" in capsys.readouterr().err
    assert not (tmp_path / "b" / "limelight.json").exists()


# --- names on huggingface.co ------------------------------------------------------------------------------------------
@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with one model in it, and no network."""
    held = tmp_path / "hub" / "models--someone--small"
    published("marian-MTModel", held / "snapshots" / ("0" * 40), max_new_tokens=9)
    (held / "refs").mkdir()
    (held / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return held


def test_a_name_is_found_in_the_cache(cache: Path) -> None:
    for name in ("someone/small", "someone/small@main", f"someone/small@{'0' * 40}"):
        found = limelight.open(name, dtype="fp32")
        assert found.folder.samefile(cache / "snapshots" / ("0" * 40))
        assert found.manifest.name == name.split("@")[0]


@pytest.mark.parametrize("name", ["someone/other", "someone/small@v2", "gpt2"])
def test_offline_a_name_that_is_not_there_says_so(name: str, cache: Path) -> None:
    with pytest.raises(TaskError, match="HF_HUB_OFFLINE is set"):
        limelight.open(name)


@pytest.mark.parametrize("name", ["../x", "a/b/c", "someone/../x", "a b", "@x"])
def test_what_is_no_name_is_not_asked_for(name: str, cache: Path) -> None:
    with pytest.raises(TaskError, match="neither a bundled name nor a folder"):
        limelight.open(name)
