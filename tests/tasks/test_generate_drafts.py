"""Generation with a draft: the same answers, and how many of the guessed tokens stood."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import limelight
from limelight.decode import Sample
from limelight.errors import RecipeError, TaskError, WeightError
from limelight.inputs import Text
from limelight.tasks.generate import Generate
from limelight.tasks.writing.drafting import drafter
from limelight.tasks.writing.generated import Generated
from published import published

PROMPTS = ["Tom sees", "The black cat eats the mouse. The black cat eats the"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drafts") / "gpt2"
    published("gpt2-LMHeadModel", path)
    return path


@pytest.fixture(scope="module")
def generate(folder: Path) -> Generate:
    return limelight.task("generate", folder, dtype="fp32")


@pytest.mark.parametrize("which", ["lookup", "model"])
def test_answers_stay_as_they_are_and_the_share_is_told(generate: Generate, folder: Path, which: str):
    draft = "lookup" if which == "lookup" else str(folder)
    plain, found = generate(PROMPTS, max_length=30), generate(PROMPTS, max_length=30, draft=draft)
    assert [each.text for each in found] == [each.text for each in plain]
    for one, other in zip(found, plain, strict=True):
        assert [s.probability for s in one.steps] == pytest.approx([s.probability for s in other.steps], abs=1e-5)
    told = [each.to_json()["drafts"] for each in found]
    assert all(0 <= each["accepted"] <= each["drafted"] for each in told)
    assert sum(each["accepted"] for each in told) > 0
    if which == "model":                                           # it drafts for itself: all stands
        assert [each["share"] for each in told] == [1.0, 1.0]
    assert "drafts" not in plain[0].to_json()


def test_draws_are_the_same_where_guesses_are_looked_up(generate: Generate):
    how = {"max_length": 30, "sample": Sample(seed=5, temperature=0.3)}
    assert generate(PROMPTS[1], draft="lookup", **how).text == generate(PROMPTS[1], **how).text


def test_a_stream_is_drafted_too(generate: Generate, folder: Path):
    *pieces, whole = generate.stream(PROMPTS[0], max_length=30, draft=str(folder))
    assert isinstance(whole, Generated)
    assert "".join(p for p in pieces if isinstance(p, str)) == whole.text == generate(PROMPTS[0], max_length=30).text
    assert whole.drafts is not None
    assert whole.drafts.passes < 30


def test_a_draft_is_opened_once(generate: Generate, folder: Path, monkeypatch: pytest.MonkeyPatch):
    generate(PROMPTS[0], max_length=3, draft=str(folder))
    monkeypatch.setattr("limelight.tasks.writing.drafting.open_model", None)
    generate(PROMPTS[0], max_length=3, draft=str(folder))


def test_what_cannot_draft_is_refused(generate: Generate, tmp_path: Path):
    with pytest.raises(RecipeError, match=r"got a beam of 3.*beam=1"):
        generate(PROMPTS[0], draft="lookup", beam=3)
    with pytest.raises((TaskError, WeightError), match="nowhere"):
        generate(PROMPTS[0], draft=str(tmp_path / "nowhere"))


def test_a_model_of_other_pieces_is_refused(generate: Generate, folder: Path, monkeypatch: pytest.MonkeyPatch):
    opened, plain = generate.opened, Text.pieces

    def pieces(text: Text, ids: object) -> list[str]:
        return [each.lower() if text is not opened.text and i == 40 else each for i, each in enumerate(plain(text, ids))]

    assert plain(opened.text, [40])[0].isupper()
    monkeypatch.setattr(Text, "pieces", pieces)
    with pytest.raises(TaskError, match=r"cannot draft for .* its piece 40 is .*wanted .*same tokenizer"):
        drafter(str(folder), opened)


def test_an_encoder_is_read_once_and_looked_through(tmp_path: Path):
    published("t5-ForConditionalGeneration", tmp_path)
    task = limelight.task("generate", tmp_path, dtype="fp32")
    torch.manual_seed(0)
    assert task(PROMPTS[1], max_length=20, draft="lookup").text == task(PROMPTS[1], max_length=20).text
