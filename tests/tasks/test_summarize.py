"""Summaries: of texts that fit as transformers writes them, of longer ones in parts that lose nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import limelight
from limelight.errors import InputError, TaskError
from limelight.tasks.summarize import Summarize
from limelight.tasks.writing.generated import Generated
from published import published

LONG = " ".join(f"The black cat sees mouse {n}. Mary has an apple." for n in range(12))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Summarize]:
    folder = tmp_path_factory.mktemp("summarize") / "bart"
    theirs = published("bart-ForConditionalGeneration", folder, max_length=9, num_beams=2, length_penalty=2.0)
    return theirs, limelight.task("summarize", folder, dtype="fp32")


def test_a_text_that_fits_is_summarized_as_the_published_model_does(pair: tuple[Any, Summarize]) -> None:
    theirs, ours = pair
    text = ours.opened.text
    for given in ("The dog wants a book.", "Mary sees the mouse. Tom has an apple."):
        ids = text.encode(given).ids
        want = theirs.generate(torch.tensor([ids]), max_length=9, num_beams=2, length_penalty=2.0)[0].tolist()
        found = ours(given)
        assert found.text == text.decode(want).strip(" ")
        assert (found.parts, found.cost.source_tokens) == (1, len(ids))
        assert found.to_json()["summary_text"] == found.text


def test_every_sentence_of_a_long_text_is_read_once(pair: tuple[Any, Summarize]) -> None:
    ours = pair[1]
    parts = ours._parts(0, LONG, ours.Options())
    assert len(parts) > 2
    assert all(len(part.ids) <= 60 for part in parts)
    assert " ".join(ours.opened.text.decode(part.ids).strip(" ") for part in parts) == LONG
    found = ours(LONG)
    assert found.parts == len(parts) == found.to_json()["parts"]
    assert found.text == " ".join(text for part in parts if (text := ours(ours.opened.text.decode(part.ids).strip(" ")).text))


def test_a_sentence_too_long_alone_is_cut_and_nothing_lost(pair: tuple[Any, Summarize]) -> None:
    ours = pair[1]
    endless = "Tom. " + " ".join(["the mouse"] * 60)
    parts = ours._parts(0, endless, ours.Options())
    assert all(len(part.ids) <= 60 for part in parts)
    assert " ".join(ours.opened.text.decode(part.ids).strip(" ") for part in parts) == endless


def test_a_long_text_is_refused_where_that_is_asked_for(pair: tuple[Any, Summarize]) -> None:
    with pytest.raises(InputError, match=r"a text has \d+ tokens; bart reads at most 60"):
        pair[1](LONG, long="refuse")


def test_many_as_one_by_one_and_a_stream_as_a_whole(pair: tuple[Any, Summarize]) -> None:
    ours = pair[1]
    texts = [LONG, "Tom.", "", "Mary has a book. The cat sees the dog."]
    assert [each.text for each in ours(texts)] == [ours(each).text for each in texts]
    *pieces, whole = ours.stream(LONG)
    assert isinstance(whole, Generated)
    assert "".join(map(str, pieces)) == whole.text == ours(LONG).text
    assert ours("  ").text == ""


def test_what_a_folder_says_of_summaries_holds_with_its_prefix(tmp_path: Path) -> None:
    published("t5-ForConditionalGeneration", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    asked = {"prefix": "The dog: ", "max_length": 6, "num_beams": 2}
    config["task_specific_params"] = {"summarization": asked, "translation_en_to_fr": {"prefix": "Mary: "}, "other": {"x": 1}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    task = limelight.task("summarize", tmp_path, dtype="fp32")
    assert sorted(task.opened.manifest.uses) == ["summarize", "translate en fr"]
    found = task("Tom has an apple.")
    ids = task.opened.text.encode("The dog: Tom has an apple.").ids
    assert (found.cost.source_tokens, found.cost.target_tokens <= 5) == (len(ids), True)
    translate = limelight.task("translate", tmp_path, dtype="fp32")
    assert translate("Tom.").cost.source_tokens == len(task.opened.text.encode("Mary: Tom.").ids)


def test_a_model_that_only_goes_on_is_refused(tmp_path: Path) -> None:
    published("gpt2-LMHeadModel", tmp_path / "gpt2")
    with pytest.raises(TaskError, match=r'"gpt2" cannot summarize: it has a language model\'s head\.   It can generate'):
        limelight.task("summarize", tmp_path / "gpt2")
