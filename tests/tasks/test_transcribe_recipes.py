"""From a recipe to a model that hears: tones that stand for digits, what is learnt, when they were heard, and the folder that is left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import limelight
from limelight.errors import InputError, RecipeError
from limelight.hub import Opened, open_model
from limelight.tasks.recipes import Workshop, trade_of
from limelight.tasks.recipes.transcribe.divided import divided
from limelight.tasks.recipes.transcribe.trade import Transcribing
from limelight.train import Event, Finished, Started, Stepped, TranscribeRecipe, read_recipe

TRADE = Transcribing()
RECIPE = """\
name = "tones"
task = "transcribe"
data = { kind = "digits", path = "tones", takes = 2, valid = 2, longest = 3, pause = 0.05 }
sounds = { rate = 8000, seconds = 1, window = 200, hop = 80, mels = 16 }
disturbed = { speed = 0.05, gain = 0.3, noise = 0.02, bands = 1, gaps = 1 }
tokenizer = { vocab = 270 }
model = { dim = 32, heads = 2, encoder = 1, decoder = 1, hidden = 64, length = 16, dropout = 0.0 }
guided = { share = 0.2, layer = 0, heads = 1 }
batches = { size = 16 }
eval = { sample = 4, turns = 2 }
plan = { steps = 160, lr = 5e-3, warmup = 10, save_every = 80, eval_every = 0, log_every = 20, precision = "fp32" }
card = { summary = "Hears tones.", license = "none", attribution = "nobody", limits = ["It knows three tones."] }
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    (folder / "tones").mkdir()
    random = np.random.default_rng(0)
    for digit in range(3):
        for speaker in ("anna", "ben"):
            for take in range(10):
                size = int(random.integers(1200, 1900))
                wave = 0.4 * np.sin(2 * np.pi * (400 + 800 * digit) * np.arange(size) / 8000) + 0.01 * random.standard_normal(size)
                soundfile.write(folder / "tones" / f"{digit}_{speaker}_{take}.wav", wave, 8000)
    (folder / "tones.toml").write_text(RECIPE, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def recipe(beside: Path) -> TranscribeRecipe:
    found = read_recipe(beside / "tones.toml")
    assert isinstance(found, TranscribeRecipe)
    return found


@pytest.fixture(scope="module")
def learnt(recipe: TranscribeRecipe, beside: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Path, list[Event]]:
    folder = tmp_path_factory.mktemp("run") / "tones"
    workshop = TRADE.prepare(recipe, beside, device="cpu")
    return workshop, folder, list(TRADE.learn(workshop, folder=folder))


@pytest.fixture(scope="module")
def shipped(learnt: tuple[Workshop, Path, list[Event]], beside: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path = TRADE.finish(learnt[0], tmp_path_factory.mktemp("model") / "tones", beside=beside, trained="here and now")
    return open_model(path, device="cpu", dtype="fp32")


def clips(strings: Iterable[Any]) -> list[Any]:
    return [clip for each in strings for clip in each.clips]


def test_what_is_held_out_is_not_learnt(recipe: TranscribeRecipe, beside: Path) -> None:
    found = divided(recipe, beside)
    learnt, valid, test = (clips(part) for part in (found.learnt(0), found.valid, found.test))
    held = {(clip.digit, clip.speaker, clip.take) for clip in (*valid, *test)}
    assert not held & {(clip.digit, clip.speaker, clip.take) for clip in learnt}
    assert {clip.take for clip in test} == {0, 1}
    assert {clip.take for clip in valid} == {2, 3}
    assert len(test) == 2 * 12                                       # each clip in two strings
    other = read_recipe(beside / "tones.toml", ["data.speaker=ben"])
    assert isinstance(other, TranscribeRecipe)
    assert {clip.speaker for clip in clips(divided(other, beside).test)} == {"ben"}
    assert {clip.speaker for clip in clips(divided(other, beside).learnt(0))} == {"anna"}


def test_it_learns_and_goes_on_bit_for_bit(
    recipe: TranscribeRecipe, beside: Path, learnt: tuple[Workshop, Path, list[Event]], tmp_path: Path
) -> None:
    assert isinstance(learnt[2][-1], Finished)
    losses = [each.nll for each in learnt[2] if isinstance(each, Stepped)]
    assert losses[-1] < losses[0] / 4
    events = TRADE.learn(TRADE.prepare(recipe, beside, folder=tmp_path, device="cpu"), folder=tmp_path)
    while not (isinstance(event := next(events), Stepped) and event.step >= 100):
        pass
    events.close()                                                   # after the checkpoint of step 80, as a kill would
    again = TRADE.prepare(recipe, beside, folder=tmp_path, device="cpu")
    started = next(events := TRADE.learn(again, folder=tmp_path))
    assert isinstance(started, Started)
    assert started.step == 80
    list(events)
    for a, b in zip(again.model.state_dict().values(), learnt[0].model.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_what_is_shipped_hears_and_says_when(shipped: Opened, recipe: TranscribeRecipe, beside: Path) -> None:
    test = TRADE.held_out(recipe, beside, "test")
    found = {each.name: each for each in TRADE.evaluate(shipped, test)}
    assert found["word error rate"].value < 30
    assert "word times, mean error in ms" in found
    assert {name: round(each.value, 2) for name, each in found.items()}.items() <= shipped.manifest.card.scores.items()
    speech = shipped.manifest.speech
    assert speech is not None
    assert speech.heads
    told = (shipped.folder / "README.md").read_text()
    for part in ("It knows three tones.", "here and now", "36 recordings of single digits", "When words are said", "takes 0 to 1"):
        assert part in told
    result = limelight.task("transcribe", shipped, dtype="fp32")(test[0].sound, words=True)
    assert {word.text for word in result.words} <= {"zero", "one", "two"}


def test_the_trade_of_the_task_is_this(recipe: TranscribeRecipe, beside: Path) -> None:
    assert isinstance(trade_of("transcribe"), Transcribing)
    assert TRADE.needs(recipe, beside) == [beside / "tones"]
    with pytest.raises(RecipeError, match="seconds"):
        read_recipe(beside / "tones.toml", ["sounds.seconds=0"])


@pytest.fixture
def table(beside: Path, tmp_path: Path) -> Path:
    """Recordings of a user's own, of two tones each, and a recipe that reads them."""
    told, rows = read_recipe(beside / "tones.toml"), []
    assert isinstance(told, TranscribeRecipe)
    (tmp_path / "wav").mkdir()
    for number, each in enumerate(found := divided(told, beside).learnt(0)):
        soundfile.write(tmp_path / "wav" / f"{number}.flac", each.sound(16_000), 16_000)
        times = [at for _, start, end in each.joins for at in (start, end)]
        rows.append({"file": f"{number}.flac", "text": each.text, "times": times})
    assert len(found) > 12
    (tmp_path / "table.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data = 'data = { kind = "listed", path = "table.jsonl", folder = "wav", valid = 3, test = 4 }'
    (tmp_path / "own.toml").write_text(re.sub(r"^data = .*$", data, RECIPE, flags=re.MULTILINE), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("timed", [True, False])
def test_recordings_of_ones_own_are_learnt_from(table: Path, timed: bool) -> None:
    if not timed:
        rows = [json.loads(line) for line in (table / "table.jsonl").read_text().splitlines()]
        (table / "table.jsonl").write_text("\n".join(json.dumps({**row, "times": None}) for row in rows))
    recipe = read_recipe(table / "own.toml", ["plan.steps=4", "eval.sample=3"])
    assert isinstance(recipe, TranscribeRecipe)
    workshop = TRADE.prepare(recipe, table, device="cpu")
    held = {each.path.name for each in (*workshop.split.valid, *workshop.split.test)}
    assert len(held) == 7
    assert not held & {each.path.name for each in workshop.split.learnt(0)}
    assert isinstance(list(TRADE.learn(workshop, folder=table / "run"))[-1], Finished)
    shipped = open_model(TRADE.finish(workshop, table / "model", beside=table, trained="here"), device="cpu", dtype="fp32")
    told = (shipped.folder / "README.md").read_text()
    assert "Held out: 3 and 4, drawn by chance." in told
    assert ("## When words are said" in told) is timed
    assert {each.sound.name for each in TRADE.held_out(recipe, table, "test")} <= held


def test_recordings_none_of_which_fits_are_refused(table: Path) -> None:
    rows = [json.loads(line) for line in (table / "table.jsonl").read_text().splitlines()]
    for row in rows:
        soundfile.write(table / "wav" / row["file"], np.zeros(20_000, np.float32), 8_000)
    recipe = read_recipe(table / "own.toml")
    assert isinstance(recipe, TranscribeRecipe)
    with pytest.raises(RecipeError, match=r"no recording fits into sounds.seconds = 1"):
        TRADE.prepare(recipe, table, device="cpu")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": " "}, "nothing is said in 0.flac"),
        ({"file": "gone.flac"}, "there is no recording .*gone.flac"),
        ({"text": "one two three " * 9, "times": None}, "a text has .* pieces, and model.length is 16"),
    ],
)
def test_recordings_that_cannot_be_learnt_from_are_named(table: Path, change: dict[str, object], said: str) -> None:
    first, *others = (table / "table.jsonl").read_text().splitlines()
    (table / "table.jsonl").write_text("\n".join([json.dumps(json.loads(first) | {"times": None} | change), *others]))
    recipe = read_recipe(table / "own.toml", ["data.valid=1", "data.test=1", "data.seed=1"])
    assert isinstance(recipe, TranscribeRecipe)
    with pytest.raises((InputError, RecipeError), match=said):
        TRADE.prepare(recipe, table, device="cpu")
