"""From a recipe to a model that hears: tones that stand for digits, what is learnt, when they were heard, and the folder that is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import limelight
from limelight.errors import RecipeError
from limelight.hub import Opened, open_model
from limelight.tasks.recipes import Workshop, trade_of
from limelight.tasks.recipes.transcribe.trade import Transcribing, divided
from limelight.train import Event, Finished, Started, Stepped, TranscribeRecipe, read_recipe

TRADE = Transcribing()
RECIPE = """\
name = "tones"
task = "transcribe"
data = { path = "tones", takes = 2, valid = 2, longest = 3, pause = 0.05 }
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


def test_what_is_held_out_is_not_learnt(recipe: TranscribeRecipe, beside: Path) -> None:
    found = divided(recipe, beside)
    held = {(clip.digit, clip.speaker, clip.take) for part in (found.valid, found.test) for each in part for clip in each.clips}
    assert not held & {(clip.digit, clip.speaker, clip.take) for clip in found.learnt}
    assert {clip.take for each in found.test for clip in each.clips} == {0, 1}
    assert {clip.take for each in found.valid for clip in each.clips} == {2, 3}
    assert sum(len(each.clips) for each in found.test) == 2 * 12      # each clip in two strings
    other = read_recipe(beside / "tones.toml", ["data.speaker=ben"])
    assert isinstance(other, TranscribeRecipe)
    assert {clip.speaker for each in divided(other, beside).test for clip in each.clips} == {"ben"}
    assert {clip.speaker for clip in divided(other, beside).learnt} == {"anna"}


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
