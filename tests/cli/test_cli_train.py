"""limelight train: from a recipe to a folder that translates; stopping, going on, rehearsing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import one_line

Run = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]
RECIPE = """
name = "toy"

[data]
path = "pairs.tsv"
valid = 8
test = 8

[tokenizer]
vocab = 300

[model]
dim = 16
heads = 2
encoder_depth = 1
decoder_depth = 1
hidden = 32
length = 64

[batches]
tokens = 400
max_length = 40

[plan]
steps = 6
warmup = 2
log_every = 2
save_every = 3
precision = "fp32"
average = { kind = "ema", decay = 0.5 }

[align]
pairs = "gold.pairs"
links = "gold.links"
name = "toy"
choose_on = 1

[card]
summary = "A toy."
license = "none"
attribution = "nobody"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that takes a second, with its data beside it."""
    import tiny

    (tmp_path / "pairs.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in tiny.ALL), encoding="utf-8")
    (tmp_path / "gold.pairs").write_text("Tom eats an apple . ||| Tom mange une pomme .\n" * 2)
    (tmp_path / "gold.links").write_text("1-1 2-2 3-3 4-4 5p5\n" * 2)
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_becomes_a_model_that_translates(limelight: Run, recipe: Path, tmp_path: Path) -> None:
    ran = limelight("train", recipe)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.lines][:2] == ["BLEU", "chrF"]
    assert "AER" in ran.out
    for said in ("reading", "step 0 of 6", "step 2: loss", "tokens/s", "left", "step 6: saved", "done", "runs/toy/model"):
        assert said in ran.err
    folder = tmp_path / "runs" / "toy"
    assert (folder / "metrics.jsonl").exists()
    assert limelight("translate", "Tom.", "-m", folder / "model", "--look").code == 0
    (row,) = [json.loads(line) for line in limelight("models", folder / "model", "--json").lines]
    assert row["name"] == "toy"
    assert set(row["scores"]) >= {"BLEU", "chrF"}
    assert json.loads(limelight("eval", folder / "model", "--recipe", recipe, "--limit", 2, "--json").out)["sentences"] == 2
    again = limelight("train", recipe)                 # nothing is left to learn; the folder is written again
    assert again.code == 0
    assert "Going on from" in again.err
    one_line(limelight("train", recipe, "--resume", "never"), "already holds")


def test_a_folder_goes_on_with_the_data_and_the_model_that_it_was_begun_with(limelight: Run, recipe: Path) -> None:
    assert limelight("train", recipe).code == 0
    weights = Path("runs/toy/model/model.safetensors").read_bytes()
    begun = Path("runs/toy/recipe.toml").read_bytes()
    one_line(limelight("train", recipe, "data.seed=5"), "begun with data.seed 0, and this recipe has 5", "Give another folder")
    one_line(limelight("train", recipe, "model.dim=32"), "begun with model.dim 16, and this recipe has 32")
    assert Path("runs/toy/recipe.toml").read_bytes() == begun
    assert Path("runs/toy/model/model.safetensors").read_bytes() == weights
    assert limelight("train", recipe, "plan.steps=7", "card.summary=More steps.").code == 0      # how long is no other training
    assert limelight("train", recipe, "data.seed=5", "plan.steps=7", "--resume", "must").code == 0


@pytest.mark.parametrize("mechanism", ["additive", "local-p", "linear"])
def test_a_recipe_of_any_mechanism_becomes_a_model_that_translates_and_aligns(mechanism: str, limelight: Run, recipe: Path) -> None:
    ran = limelight("train", recipe, f"model.mechanism={mechanism}", "--folder", "run")
    assert ran.code == 0
    assert "AER" in ran.out
    assert f"{mechanism} (" in Path("run/model/README.md").read_text(encoding="utf-8")
    assert limelight("translate", "Tom.", "-m", "run/model", "--look").code == 0
    assert json.loads(limelight("eval", "run/model", "--recipe", recipe, "--limit", 2, "--json").out)["sentences"] == 2


def test_a_model_without_attention_translates_and_has_nothing_to_align_by(limelight: Run, recipe: Path) -> None:
    ran = limelight("train", recipe, "model.mechanism=fixed-vector", "--folder", "run")
    assert ran.code == 0
    assert "BLEU" in ran.out
    assert "AER" not in ran.out
    assert limelight("translate", "Tom.", "-m", "run/model").code == 0


def test_a_mechanism_that_does_not_fit_is_refused_before_the_data_are_read(limelight: Run, recipe: Path) -> None:
    one_line(limelight("train", recipe, "model.feeding=true"), 'got feeding=True with mechanism="multi-head"', 'Use mechanism="general"')
    assert limelight("train", recipe, "model.feeding=true", "model.mechanism=general", "--print-config").code == 0


def test_json_is_the_events_and_then_what_was_written(limelight: Run, recipe: Path) -> None:
    found = [json.loads(line) for line in limelight("train", recipe, "--json", "--folder", "here").lines]
    kinds = [each["event"] for each in found]
    assert kinds == ["started", "stepped", "saved", "stepped", "stepped", "saved", "evaluated", "finished", "written"]
    assert found[-1]["folder"] == "here/model"


def test_print_config_prints_a_recipe_that_reads_the_same(limelight: Run, recipe: Path, tmp_path: Path) -> None:
    ran = limelight("train", recipe, "plan.lr=3e-4", "data.valid=4", "--print-config")
    assert ran.code == 0
    data = tomllib.loads(ran.out)
    assert (data["plan"]["lr"], data["data"]["valid"], data["model"]["dim"]) == (3e-4, 4, 16)
    (tmp_path / "again.toml").write_text(ran.out)
    assert limelight("train", "again.toml", "--print-config").out == ran.out
    assert json.loads(limelight("train", "again.toml", "--print-config", "--json").out)["plan"]["lr"] == 3e-4
    assert not (tmp_path / "runs").exists()


def test_a_rehearsal_does_everything_and_leaves_nothing(limelight: Run, recipe: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    ran = limelight("train", recipe, "--fast-dev-run")
    assert ran.code == 0
    for said in ("step 2: saved", "step 2: BLEU", "step 4: done", "gone now"):
        assert said in ran.err
    assert "BLEU" in ran.out
    assert sorted(tmp_path.rglob("*")) == before


def test_ctrl_c_saves_and_the_same_command_goes_on(start: Start, limelight: Run, recipe: Path, tmp_path: Path) -> None:
    args = ("train", recipe, "--folder", "run", "plan.log_every=1", "plan.save_every=0")
    process = start(*args, "plan.steps=100000", "--json")
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["event"] != "stepped":
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["reason"]) == ("stopped", "Ctrl-C")
    assert f"Stopped at step {last['step']} (Ctrl-C)" in err.decode()
    assert Path(tmp_path / last["path"]).is_dir()
    ran = limelight(*args, f"plan.steps={last['step'] + 2}")
    assert ran.code == 0
    assert f"Going on from {last['path']}" in ran.err


def test_a_reader_that_hangs_up_stops_it_with_all_kept(start: Start, recipe: Path, tmp_path: Path) -> None:
    process = start("train", recipe, "--folder", "run", "plan.log_every=1", "plan.save_every=0", "plan.steps=100000", "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "started"
    process.stdout.close()
    assert process.wait(timeout=120) == -signal.SIGPIPE
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith("step-")]


def test_without_a_card_checkpoints_are_kept_and_it_is_said(limelight: Run, recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.partition("[card]")[0])
    ran = limelight("train", recipe)
    assert ran.code == 0
    assert "no [card]" in ran.err.splitlines()[0]
    assert not (tmp_path / "runs" / "toy" / "model").exists()
    assert (tmp_path / "runs" / "toy" / "step-00000006").is_dir()


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["toy.toml", "plan.stepz=3"], ['unknown key "plan.stepz"', 'Did you mean "steps"']),
        (["toy.toml", "plan.steps=0"], ["plan.steps", "greater than or equal to 1"]),
        (["toy.toml", "steps"], ["key=value", "'steps'"]),
        (["toy.toml", "model.heads=3"], ["heads must divide dim"]),
        (["toy.toml", "data.path=none.tsv"], ["no data at", "none.tsv"]),
        (["toy.toml", "align.links=none"], ["no data at", "none"]),
        (["none.toml"], ["no recipe none.toml"]),
        (["toy.toml", "--device", "toaster"], ['no device "toaster"']),
        (["toy.toml", "--resume", "must"], ["no checkpoint to resume"]),
        (["toy.toml", "--resume", "perhaps"], ["--resume", "auto"]),
        (["toy.toml", "data.test=500"], ["cannot set aside 500"]),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(limelight: Run, recipe: Path, args: list[str], parts: list[str]) -> None:
    del recipe
    line = limelight("train", *args)
    assert "step 0 of" not in line.err
    one_line(line, *parts)


def test_a_misspelt_key_in_the_file(limelight: Run, recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("hidden = 32", "hiden = 32"))
    one_line(limelight("train", recipe), 'unknown key "model.hiden"', 'Did you mean "hidden"?')


def test_tensorboard_needs_its_extra(limelight: Run, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    one_line(limelight("train", recipe, "--tensorboard"), "TensorBoard is not installed", "limelight[tensorboard]")


def test_a_recipe_of_another_task_goes_the_same_way(limelight: Run, tmp_path: Path) -> None:
    import moody

    moody.written(tmp_path)
    ran = limelight("train", "mood.toml", "plan.steps=8")
    assert ran.code == 0
    for said in ("reading lines.txt and 1 more", "texts/s", "step 8: done", "limelight classify --model runs/mood/model --why TEXT"):
        assert said in ran.err
    assert "accuracy, lines" in ran.out
    model = ("runs/mood/model", "--recipe", "mood.toml")
    scored = limelight("eval", *model, "--limit", 10, "--output", "out.jsonl")
    assert [line.split(",")[0] for line in scored.lines[:3]] == ["accuracy", "balanced accuracy", "calibration error"]
    assert "10 texts of the test part of mood" in scored.out
    row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert row.keys() == {"text", "set", "label", "answer", "score"}
    assert json.loads(limelight("eval", *model, "--part", "valid", "--json").out)["texts"] > 10
    (tmp_path / "own.tsv").write_text("text\tlabel\nthe phone is good\tpositive\nthe phone is bad\tnegative\n")
    assert "2 texts of own.tsv" in limelight("eval", "runs/mood/model", "--file", "own.tsv").out
    one_line(limelight("eval", *model, "--align"), "--align is about translations")
    one_line(limelight("eval", *model, "--beam", 2), 'classify has no option "beam"')
    rehearsed = limelight("train", "mood.toml", "--fast-dev-run")
    assert rehearsed.code == 0
    assert "gone now" in rehearsed.err
