"""What a user can get wrong: one clear line with a hint, exit code 2, and nothing half-written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]

MIXTURES = {
    "nbest without room": (["x", "--nbest", 5, "--beam", 2], ["nbest=5", "beam=2", "Use beam=5"]),
    "TEXT and a file": (["x", "--file", "y.csv"], ["TEXT and --file", "one of them"]),
    "a column of nothing": (["x", "--column", "a"], ["--column", "--file"]),
    "an output of nothing": (["x", "--output", "a.csv"], ["--output", "--file"]),
    "resume of nothing": (["--resume"], ["--resume", "--file"]),
    "resume without an output": (["--file", "y.csv", "--resume"], ["--resume", "--output"]),
    "a look at a file": (["--file", "y.csv", "--look"], ["--look", "TEXT"]),
    "a stream of a file": (["--file", "y.csv", "--stream"], ["--stream", "TEXT"]),
    "a stream of several": (["x", "--stream", "--nbest", 2], ["--stream", "--nbest"]),
    "a seed of nothing": (["x", "--seed", 1], ["--seed", "--temperature"]),
    "a beam that draws": (["x", "--beam", 2, "--temperature", 1], ["searches", "draws"]),
    "a penalty for draws": (["x", "--length-penalty", 1, "--top-k", 3], ["--length-penalty"]),
    "no beam": (["x", "--beam", 0], ["beam", "greater than or equal to 1"]),
    "no batch": (["x", "--batch", 0], ["batch", "greater than or equal to 1"]),
    "a share over 1": (["x", "--top-p", 1.5], ["top_p", "less than or equal to 1"]),
    "cold": (["x", "--temperature", 0], ["temperature", "greater than 0"]),
    "an unknown device": (["x", "--device", "toaster"], ['no device "toaster"', "--device cpu"]),
    "an unknown dtype": (["x", "--dtype", "bf61"], ['no dtype "bf61"', 'Did you mean "bf16"']),
    "a missing file": (["--file", "none.csv"], ["no file none.csv"]),
    "a file without a known ending": (["--file", "x.doc"], [".doc", ".csv"]),
    "an unknown format": (["--file", "-", "--format", "xls"], ['no table format "xls"']),
    "a page in no folder": (["The dog eats a book.", "--html", "none/x.html"], ["none/x.html", "folder"]),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_what_does_not_go_together(limelight: Run, model: Path, tmp_path: Path, name: str) -> None:
    args, parts = MIXTURES[name]
    ran = limelight("translate", "-m", model, *args)
    if name == "a page in no folder":
        assert ran.out.startswith("Le chien")       # the answer is there before the page is
        ran = type(ran)(ran.code, "", ran.err)
    one_line(ran, *parts)
    assert list(tmp_path.iterdir()) == []


def test_a_line_of_ten_thousand_words_is_refused_with_the_numbers(limelight: Run, model: Path) -> None:
    line = "cat " * 10_000
    one_line(limelight("translate", "-m", model, line), "tokens", "at most 24", "full stops")
    ran = limelight("translate", "-m", model, given=f"Tom eats a book.\n{line}\nTom eats a book.\n")
    assert ran.code == 2
    assert ran.out.count("\n") == 1
    assert "standard input, line 2: a sentence has" in ran.err


def test_ten_thousand_words_in_sentences_are_all_translated(limelight: Run, model: Path, learnt: list[tuple[str, str]]) -> None:
    """Split at sentence ends, never cut; a tenth of the words here, since beams cost time."""
    sources, targets = zip(*(learnt[n % 20] for n in range(200)), strict=True)
    ran = limelight("translate", "-m", model, " ".join(sources), "--beam", 1)
    assert ran.out == " ".join(targets) + "\n"


@pytest.mark.parametrize("name", ["limelight.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("how", ["missing", "cut", "empty", "garbage"])
def test_a_model_folder_that_is_not_whole(limelight: Run, model: Path, tmp_path: Path, name: str, how: str) -> None:
    shutil.copytree(model, tmp_path / "m")
    path = tmp_path / "m" / name
    whole = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "garbage": b"\xff\xfe{" * 99}[how])
    one_line(limelight("translate", "x", "-m", "m"), name)


def test_files_of_two_models_do_not_mix(limelight: Run, model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "m")
    path = tmp_path / "m" / "limelight.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["spec"]["decoder"]["depth"] = 3
    path.write_text(json.dumps(manifest), encoding="utf-8")
    one_line(limelight("translate", "x", "-m", "m"), "does not fit its spec", "missing", "decoder")


def test_no_model_of_that_name(limelight: Run, tmp_path: Path) -> None:
    one_line(limelight("translate", "x", "-m", "en-fx"), 'no model "en-fx"')
    (tmp_path / "empty").mkdir()
    one_line(limelight("translate", "x", "-m", "empty"), "limelight.json is not there")


def test_a_look_at_a_model_that_nobody_measured_says_so(limelight: Run, tmp_path: Path) -> None:
    import tiny
    from limelight.hub import save

    pieces, untrained = tiny.untrained()
    save(tmp_path / "m", model=untrained, text=pieces, manifest=tiny.manifest(pieces, untrained.spec, aligner=None), card="")
    ran = limelight("translate", "Tom sees a book.", "-m", "m", "--look")
    assert ran.code == 0
    assert "is not measured" in " ".join(ran.out.split())
    assert "alignment" not in json.loads(limelight("translate", "Tom.", "-m", "m", "--json").out)


BROKEN = {
    "a.csv": (b"id,body\n1,x\n2,y\n", "a.csv", "has 2 columns"),
    "b.csv": (b"id,text\n1,x\n2,y,z\n", "line 3", "3 cells"),
    "c.jsonl": (b'{"text": "Tom."}\n{"text": \n', "line 2", "not JSON"),
    "d.jsonl": (b'{"text": "Tom."}\n{"body": "x"}\n', "row 2", 'no "text"'),
    "e.tsv": (b"text\nTom.\n\xff\xfe\n", "line 3", "not UTF-8"),
    "f.parquet": (b"PAR1 or not", "f.parquet", "Parquet"),
    "g.csv": (b"", "g.csv", "empty"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_table_leaves_no_finished_output(limelight: Run, model: Path, tmp_path: Path, name: str) -> None:
    content, *parts = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    one_line(limelight("translate", "-m", model, "--file", name, "--output", "out.jsonl"), *parts)
    assert not (tmp_path / "out.jsonl").exists()


def test_standard_input_that_is_no_text_is_named(limelight: Run, model: Path) -> None:
    ran = limelight("translate", "-m", model, given=b"Tom.\n\x80\x81\n")
    assert ran.code == 2
    assert "line 2: byte 1 (0x80) is not UTF-8" in ran.err
    assert ran.out.count("\n") == 1                          # what came before is answered


@pytest.mark.parametrize(
    ("output", "parts"),
    [("none/out.csv", ["none"]), ("out.doc", [".doc"]), (".", ["folder"]), ("/dev/full", ["disk is full"])],
)
def test_an_output_that_cannot_be_written(limelight: Run, model: Path, tmp_path: Path, output: str, parts: list[str]) -> None:
    (tmp_path / "in.csv").write_text("text\nTom.\n")
    one_line(limelight("translate", "-m", model, "--file", "in.csv", "--output", output), *parts)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
