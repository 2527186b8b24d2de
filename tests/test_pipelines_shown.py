"""The pipelines over pictures: the answers of transformers' own, and of what it had for captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shown
from limelight import pipeline
from limelight.errors import InputError, RecipeError, TaskError
from shown import hf, picture

LABELS = ["cat", "black mouse", "dog"]


def processor(folder: Path) -> Any:
    return hf.AutoImageProcessor.from_pretrained(folder, backend="pil")


def theirs(job: str, folder: Path, model: Any, *, words: bool = False) -> Any:
    parts = {"image_processor": processor(folder)}
    parts |= {"tokenizer": hf.AutoTokenizer.from_pretrained(folder)} if words else {}
    return hf.pipeline(job, model=model, device="cpu", **parts)


def alike(found: Any, wanted: Any) -> None:
    assert [each["label"] for each in found] == [each["label"] for each in wanted]
    assert [each["score"] for each in found] == pytest.approx([each["score"] for each in wanted], abs=1e-5)


def test_image_classification(tmp_path: Path) -> None:
    other = theirs("image-classification", tmp_path, shown.vit(tmp_path))
    mine = pipeline("image-classification", str(tmp_path))
    picture(1).save(tmp_path / "b.png")
    alike(mine(picture(0)), other(picture(0)))
    alike(mine(str(tmp_path / "b.png"), top_k=1), other(str(tmp_path / "b.png"), top_k=1))
    for found, wanted in zip(mine([picture(0), picture(1)]), other([picture(0), picture(1)]), strict=True):
        alike(found, wanted)
    alike(mine(images=picture(0), function_to_apply="sigmoid"), other(picture(0), function_to_apply="sigmoid"))
    assert pipeline(model=str(tmp_path)).task == "image-classification"
    with pytest.raises(RecipeError, match='"truncate" is not known'):
        mine(picture(0), truncate=True)


def test_zero_shot_image_classification(tmp_path: Path) -> None:
    other = theirs("zero-shot-image-classification", tmp_path, shown.clip(tmp_path), words=True)
    mine = pipeline(model=str(tmp_path))
    assert mine.task == "zero-shot-image-classification"
    alike(mine(picture(0), candidate_labels=LABELS), other(picture(0), candidate_labels=LABELS))
    asked = {"candidate_labels": LABELS, "hypothesis_template": "a {} of a man"}
    alike(mine(picture(0), **asked), other(picture(0), **asked))
    with pytest.raises(InputError, match="needs labels"):
        mine(picture(0))


def test_image_to_text(tmp_path: Path) -> None:
    model = shown.captioner(tmp_path)
    mine = pipeline("image-to-text", str(tmp_path))
    values = processor(tmp_path)([picture(n) for n in range(3)], return_tensors="pt")["pixel_values"]
    rows = model.generate(values, max_new_tokens=5, do_sample=False).tolist()
    text, ends = mine.ours.opened.text, mine.ours.opened.manifest.generation.end
    said = [row[1 : next((i for i, token in enumerate(row) if i and token in ends), len(row))] for row in rows]
    wanted = [[{"generated_text": text.decode(row).strip(" ")}] for row in said]
    assert mine([picture(n) for n in range(3)], max_new_tokens=5) == wanted
    assert mine(picture(0), generate_kwargs={"max_new_tokens": 5}) == wanted[0]
    assert pipeline(model=str(tmp_path)).task == "image-to-text"
    assert len(mine(picture(0), num_beams=3, num_return_sequences=2)) == 2


def test_what_reads_no_pictures_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(TaskError, match="is about pictures, and tiny reads none"):
        pipeline("image-classification", str(tiny_folder))
