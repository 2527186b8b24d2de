"""The manifest: what is written reads back the same; what is wrong is one line with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import tiny
from limelight.errors import SpecError, WeightError
from limelight.inputs import Text
from limelight.manifest import Aligner, Card, Evidence, Faithfulness, Generation, Manifest, from_json, to_json


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    text = tiny.text()
    return tiny.manifest(text, tiny.spec(len(text)))


def broken(manifest: Manifest, *path: str, value: object) -> str:
    """The JSON with one place changed."""
    data = json.loads(to_json(manifest))
    here = data
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    return json.dumps(data)


def test_it_reads_back_as_it_was(manifest: Manifest) -> None:
    scored = replace(manifest, card=replace(manifest.card, scores={"BLEU": 54.5, "note": "été"}, limits=("one", "two")))
    assert from_json(to_json(scored)) == scored
    assert "été" in to_json(scored), "people read this file"
    assert from_json(to_json(replace(manifest, aligner=None))).aligner is None


def test_what_was_measured_of_evidence_reads_back_and_need_not_be_there(manifest: Manifest) -> None:
    one = Faithfulness(method="leave-one-out", comprehensiveness=0.41, sufficiency=-0.08, within=(0.03, 0.02))
    measured = replace(manifest, evidence=Evidence(methods=(one,), random=replace(one, method="random order"), measured_on="a", texts=9))
    assert from_json(to_json(measured)) == measured
    old = json.loads(to_json(manifest))
    del old["evidence"]
    assert from_json(json.dumps(old)) == manifest
    with pytest.raises(WeightError, match=r"evidence\.methods"):
        from_json(broken(measured, "evidence", "methods", value=[]))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("nmae",), "x", 'unknown key "nmae".*Did you mean "name"'),
        (("generation", "beem"), 4, 'unknown key "generation.beem".*Did you mean "beam"'),
        (("spec", "encoder", "dept"), 4, 'unknown key "spec.encoder.dept".*Did you mean "depth"'),
        (("format",), 2, "format"),
        (("generation", "beam"), 0, "generation.beam"),
        (("generation", "pad"), -1, "generation.pad"),
        (("generation", "length_penalty"), float("nan"), "length_penalty"),
        (("generation", "length_penalty"), float("inf"), "length_penalty"),
        (("aligner", "shift"), 2, "aligner.shift"),
        (("aligner", "aer"), 1.5, "aligner.aer"),
        (("aligner", "heads"), [], "aligner.heads"),
        (("spec", "dim"), 30, "heads must divide dim"),
        (("card",), None, "card"),
        (("spec", "encoder"), "an encoder", "encoder"),
    ],
)
def test_a_wrong_place_is_named_in_one_line(manifest: Manifest, path: tuple[str, ...], value: object, said: str) -> None:
    with pytest.raises(WeightError, match=said) as caught:
        from_json(broken(manifest, *path, value=value), where="here/limelight.json")
    assert caught.value.message.startswith("here/limelight.json")
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(manifest: Manifest) -> None:
    data = json.loads(to_json(manifest))
    del data["generation"]["end"]
    with pytest.raises(WeightError, match=r'"generation\.end" is missing'):
        from_json(json.dumps(data))
    del data["generation"]
    with pytest.raises(WeightError, match=r'"generation" is missing'):
        from_json(json.dumps(data))


@pytest.mark.parametrize(
    "text", ["", "{", "[1", "not JSON", "[" * 100_000, '{"name": ' + "9" * 5_000 + "}", '"a text"', "5", "null", "[]"],
    ids=["empty", "open", "list", "words", "deep", "digits", "text", "number", "null", "array"],
)
def test_what_is_no_manifest_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(WeightError) as caught:
        from_json(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_half_of_it_is_refused(manifest: Manifest) -> None:
    text = to_json(manifest)
    with pytest.raises(WeightError, match=r"limelight\.json is not JSON"):
        from_json(text[: len(text) // 2])


def test_an_aligner_is_never_without_heads() -> None:
    with pytest.raises(SpecError, match="heads"):
        Aligner(attention="decoder.0.cross", heads=(), shift=0, aer=0.1, pairs=1, measured_on="x")


def test_defaults_are_the_ones_that_the_docs_say() -> None:
    g = Generation(pad=0, start=1, end=(2,))
    assert (g.beam, g.length_penalty, g.max_length, g.max_source) == (4, 1.0, 256, 256)
    assert Card(summary="", license="", attribution="", recipe="", trained="").limits == ()


def test_reading_a_manifest_needs_no_torch() -> None:
    """`limelight models` lists what is there; it must not wait for torch."""
    code = "import sys, limelight.manifest; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_tiny_tokenizer_is_what_the_manifest_says(manifest: Manifest) -> None:
    text: Text = tiny.text()
    assert (manifest.generation.pad, manifest.generation.start, manifest.generation.end) == (text.pad, text.start, (text.end,))
