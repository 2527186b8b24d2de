"""No folder, however it is spoiled, is opened: each is refused with one line, in less than a second and 50 MB, and nothing in it is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from spoiled import BAD
from spoiling import added, config, tokenizer

from published import published

MOST_SECONDS, MOST_BYTES, MOST_LETTERS = 1.0, 50 << 20, 700
KINDS = {"WeightError", "InputError", "SpecError"}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of each kind that is spoiled."""
    place = tmp_path_factory.mktemp("good")
    found = {kind: place / kind for kind in {bad.of for bad in BAD.values()}}
    for kind, folder in found.items():
        published(kind, folder)
    return found


@pytest.fixture(scope="module")
def found(good: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What one process says of all of them, and what each costs it."""
    place = tmp_path_factory.mktemp("bad")
    jobs = []
    for name, bad in BAD.items():
        folder = Path(shutil.copytree(good[bad.of], place / name))
        bad.spoil(folder)
        jobs.append((name, str(folder), bad.text))
    (place / "jobs.json").write_text(json.dumps(jobs))
    script = Path(__file__).with_name("measure.py")
    command = [sys.executable, str(script), str(good["bert-ForMaskedLM"]), str(place / "jobs.json")]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not [*place.rglob("ran")], "something in a folder was run"
    return {each["name"]: each for each in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_with_a_line(name: str, found: dict[str, dict[str, Any]]) -> None:
    said = found[name]
    assert said["kind"] in KINDS, said
    assert re.search(BAD[name].said, said["said"]), said["said"]
    assert "\n" not in said["said"]
    assert len(said["said"]) < MOST_LETTERS


@pytest.mark.parametrize("name", BAD)
def test_it_costs_less_than_a_second_and_50_mb(name: str, found: dict[str, dict[str, Any]]) -> None:
    assert found[name]["seconds"] < MOST_SECONDS
    assert found[name]["bytes"] is None or found[name]["bytes"] < MOST_BYTES


def test_what_is_spoiled_was_good(good: dict[str, Path]) -> None:
    import limelight

    for folder in good.values():
        assert limelight.open(folder, device="cpu", dtype="fp32").text.encode("The cat").ids


def test_a_word_twice_is_the_later_one_as_elsewhere(tmp_path: Path) -> None:
    import limelight

    published("bert-ForMaskedLM", tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\nthe\ncat\n")
    assert limelight.open(tmp_path, dtype="fp32").text.encode("the cat").ids == (2, 6, 7, 3)


def test_a_mark_that_the_model_has_no_row_for_is_one_that_it_does_not_have(tmp_path: Path) -> None:
    """A summarizer's folder may have a mask, or somebody's pad, behind the last row of its table."""
    import limelight

    theirs = published("bart-ForConditionalGeneration", tmp_path)
    vocab = theirs.config.vocab_size
    marks = [added(vocab, "<mask>", special=True), added(vocab + 1, "<fill>", special=True)]
    tokenizer(lambda t: t["added_tokens"].extend(marks))(tmp_path)
    config("tokenizer_config.json", mask_token="<mask>", pad_token="<fill>")(tmp_path)
    config("generation_config.json", pad_token_id=vocab + 1, bad_words_ids=[[5], [vocab]], begin_suppress_tokens=[3, vocab])(tmp_path)
    opened = limelight.open(tmp_path, dtype="fp32")
    g = opened.manifest.generation
    assert (opened.text.marks.mask, opened.text.marks.pad) == (None, None)
    assert g.pad == opened.text.pad == opened.text.end
    assert (g.never, g.never_first) == (((5,),), (3,))
    assert max(opened.text.encode("The <mask> sees").ids) < vocab
