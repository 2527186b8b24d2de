"""caption: the captions of transformers, from files; where each word looked, and what there is to that."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import shown
import tiny
from limelight import task
from limelight.decode import Beam, Ending, Sample, generate
from limelight.errors import LimelightError
from limelight.hub import Opened, open_model
from limelight.inputs import Batch
from limelight.inputs.pictures import read, ready, seen
from limelight.look import trace
from limelight.spec import Pictures
from limelight.tasks.caption import Looked
from limelight.tasks.caption.drawing import _lines
from limelight.tasks.translate.alignments import spelled
from shown import picture

PICTURES = [picture(number) for number in range(6)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    places = {name: tmp_path_factory.mktemp(name) for name in ("captioner", "blip")}
    return {name: (at, getattr(shown, name)(at)) for name, at in places.items()}


@pytest.fixture(scope="module")
def captioner(made: dict[str, tuple[Path, Any]]) -> Opened:
    return open_model(made["captioner"][0], dtype="fp32")


@pytest.fixture(scope="module")
def blip(made: dict[str, tuple[Path, Any]]) -> Opened:
    return open_model(made["blip"][0], dtype="fp32")


def pixels(opened: Opened, pictures: list[Any]) -> torch.Tensor:
    return ready([read(each) for each in pictures], opened.pictures).values


def cut(opened: Opened, rows: torch.Tensor, before: int) -> list[tuple[int, ...]]:
    """What was written up to the first end, without what stands before it."""
    ends = opened.manifest.generation.end
    found = [row[before:] for row in rows.tolist()]
    return [tuple(row[: next((i for i, token in enumerate(row) if token in ends), len(row))]) for row in found]


def ended(opened: Opened, rows: torch.Tensor) -> list[bool]:
    return [any(token in opened.manifest.generation.end for token in row[1:]) for row in rows.tolist()]


# --- as transformers --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("beam", [1, 3])
def test_captions_are_those_of_transformers(made: Any, captioner: Opened, beam: int) -> None:
    theirs = made["captioner"][1]
    out = theirs.generate(pixels(captioner, PICTURES), num_beams=beam, do_sample=False)
    wanted, whole = cut(captioner, out, 1), ended(captioner, out)
    found = task("caption", captioner)(PICTURES, beam=beam)
    assert sum(whole) >= 2
    assert len(set(wanted)) > 1                                      # or the pictures would not matter
    for result, tokens, is_whole in zip(found, wanted, whole, strict=True):
        if beam == 1 or is_whole:                                    # what is cut off is ranked in another way there
            assert result.text == captioner.text.decode(tokens).strip(" ")
            assert result.complete == is_whole
    alone = [task("caption", captioner)(each, beam=beam).text for each in PICTURES]
    assert alone == [each.text for each in found]


@pytest.mark.parametrize(("beam", "prompt"), [(1, ""), (3, ""), (1, "The black cat"), (2, "A bird")])
def test_blip_captions_are_those_of_transformers(made: Any, blip: Opened, beam: int, prompt: str) -> None:
    theirs, text = made["blip"][1], blip.text
    before = [text.start, *(text.encode(prompt, marks=False).ids if prompt else ())]
    rows = torch.tensor([[*before, text.end]]).repeat(len(PICTURES), 1)
    out = theirs.generate(pixels(blip, PICTURES), input_ids=rows, num_beams=beam, do_sample=False, max_new_tokens=12)
    wanted, whole = cut(blip, out, len(before)), ended(blip, out)
    assert 2 <= sum(whole) < len(whole)
    found = task("caption", blip)(PICTURES, beam=beam, prompt=prompt, max_length=12)
    for result, tokens, is_whole in zip(found, wanted, whole, strict=True):
        if beam == 1 or is_whole:
            assert result.text == text.decode([*before[1:], *tokens]).strip(" ")
            assert result.text.startswith(prompt)
            assert result.prompt == prompt


def test_how_captions_begin_and_end_is_read_from_where_each_kind_says_it(captioner: Opened, blip: Opened, tmp_path: Path) -> None:
    text = tiny.text()
    g = captioner.manifest.generation
    assert (captioner.manifest.task, g.start, g.pad, g.max_length) == ("caption", text.start, text.pad, 12)
    assert g.end == (text.end, *range(20, len(text), 5))
    g = blip.manifest.generation
    assert (blip.manifest.task, g.start, g.end, g.pad) == ("caption", text.start, (text.end,), text.pad)


@pytest.mark.parametrize("name", ["captioner", "blip"])
def test_what_is_saved_says_the_same_here_and_in_transformers(made: Any, name: str, tmp_path: Path) -> None:
    at, theirs = made[name]
    opened = open_model(at, dtype="fp32")
    before = task("caption", opened)(PICTURES, beam=1, max_length=8)
    opened.save(tmp_path, form="published")
    again = open_model(tmp_path, dtype="fp32")
    assert again.manifest.generation == opened.manifest.generation
    assert again.pictures == opened.pictures
    assert [each.text for each in task("caption", again)(PICTURES, beam=1, max_length=8)] == [each.text for each in before]
    reopened = type(theirs).from_pretrained(tmp_path).eval()
    values = pixels(opened, PICTURES)
    both = [model.generate(values, do_sample=False, num_beams=1, max_new_tokens=8) for model in (theirs, reopened)]
    assert cut(opened, both[0], 1) == cut(opened, both[1], 1)


# --- where it looked --------------------------------------------------------------------------------------------------
def tokens_of(opened: Opened, values: torch.Tensor, before: list[int], *, beam: int, most: int) -> list[int]:
    """What is written of one picture, without the end mark, by the decoding core alone."""
    g = opened.manifest.generation
    memory = opened.model.encode(Batch(values[None]))
    choice, ending = Beam(width=beam, length_penalty=g.length_penalty, nbest=1, until=g.until), Ending(frozenset(g.end), most)
    found = generate(opened.model, memory, choice, ending=ending, start=torch.tensor([before]))[0][0]
    return [*found.tokens[: len(found.tokens) - found.ended]]


@pytest.mark.parametrize(("name", "beam", "prompt"), [("captioner", 1, ""), ("captioner", 3, ""), ("blip", 1, "A bird")])
def test_each_word_looked_where_one_pass_over_the_whole_caption_says(
    captioner: Opened, blip: Opened, name: str, beam: int, prompt: str
) -> None:
    opened = {"captioner": captioner, "blip": blip}[name]
    model, text, decoder = opened.model, opened.text, opened.manifest.spec.decoder
    found = task("caption", opened)(PICTURES, look=True, beam=beam, prompt=prompt, max_length=8)
    before = [opened.manifest.generation.start, *(text.encode(prompt, marks=False).ids if prompt else ())]
    checked = 0
    for result, values in zip(found, pixels(opened, PICTURES), strict=True):
        tokens = tokens_of(opened, values, before, beam=beam, most=8)
        assert text.decode([*before[1:], *tokens]).strip(" ") == result.text
        if not tokens:
            continue
        with trace(model) as looks, torch.inference_mode():
            model.decode(torch.tensor([[*before, *tokens]]), memory=model.encode(Batch(values[None])))
        maps = [looks[f"decoder.{layer}.cross"].weights()[0].mean(0) for layer in range(decoder.depth // 2, decoder.depth)]
        shares = torch.stack(maps).mean(0)[len(before) - 1 :, 1:]
        for word in result.words:
            flat = torch.tensor(word.map).flatten()
            assert len(word.map) == len(word.map[0]) == 3
            assert float(flat.sum()) + word.elsewhere == pytest.approx(1.0, abs=1e-5)
            assert result.text[slice(*word.span)] == word.word
            assert word.span[1] > len(prompt)
            checked += any(torch.allclose(flat, row, atol=1e-5) for row in shares)          # a word of one piece has its map
    assert checked >= 3


def test_what_a_word_loses_is_what_it_loses_when_the_squares_are_painted_over(blip: Opened) -> None:
    """By hand, square by square."""
    model, text = blip.model, blip.text
    found = task("caption", blip)(PICTURES, look=True, beam=1, max_length=6)
    result, shot = next((each, shot) for each, shot in zip(found, PICTURES, strict=True) if each.words)
    values = pixels(blip, [shot])[0]
    tokens = tokens_of(blip, values, [text.start], beam=1, most=6)

    def likely(painted: torch.Tensor) -> list[float]:
        given = torch.tensor([[text.start, *tokens]])
        with torch.inference_mode():
            scores = model.logits(model.decode(given, memory=model.encode(Batch(painted[None]))))[0].log_softmax(-1)
        return [float(scores[i, token]) for i, token in enumerate(tokens)]

    word = result.words[0]
    covered = values.clone()
    for place in np.argsort(-np.array(word.map).ravel())[: round(0.2 * 9)]:
        row, column = divmod(int(place), 3)
        covered[:, row * 4 : row * 4 + 4, column * 4 : column * 4 + 4] = values.mean((1, 2))[:, None, None]
    lost = np.array(likely(values)) - np.array(likely(covered))
    _, spans = spelled(text, tokens)
    mine = [i for i, (a, b) in enumerate(spans) if max(a, word.span[0]) < min(b, word.span[1])]
    assert word.fall == pytest.approx(lost[mine].sum(), abs=1e-4)
    assert math.isfinite(word.chance)
    assert result.trust.startswith("covering the 20% of squares that a word looked at most takes ")


def test_overlays_are_light_where_it_looked(captioner: Opened) -> None:
    shot = read(picture(1, 60, 90))
    word = Looked("cat", (4, 7), ((0.1, 0.0, 0.0), (0.1, 0.0, 0.6), (0.0, 0.0, 0.0)), 0.2, 1.25, 0.5)
    result = replace(task("caption", captioner)(shot), words=(word, word))
    caption = task("caption", captioner)
    drawn = np.asarray(caption.overlay(shot, word).convert("L")).astype(float)
    plain = np.asarray(shot.image.convert("L")).astype(float)
    assert drawn.shape == plain.shape
    light = (drawn / plain.clip(1)).reshape(3, 20, 3, 30).mean((1, 3))
    assert light.argmax() == 5
    assert light[2, 0] == pytest.approx(0.2, abs=0.05)
    assert light[1, 2] > 0.7
    page = caption.sheet(shot, result)
    assert page.size == (2 * 256 + 6, 2 * (171 + 36) + 6)            # the picture itself, made larger, and two words
    assert np.asarray(page)[171:207].min() < 100                     # what is written below


def test_a_caption_is_written_in_two_lines() -> None:
    def fits(text: str) -> bool:
        return len(text) <= 12

    assert _lines("A red circle.", fits) == ["A red", "circle."]
    assert _lines("A red cat", fits) == ["A red cat", ""]
    assert _lines("cat\n-1.00", fits) == ["cat", "-1.00"]
    assert _lines("A red circle left of a blue square", fits) == ["A red circle", "left of a..."]
    assert _lines("Donaudampfschifffahrt", fits) == ["Donaudamp...", ""]


def test_which_part_of_a_picture_is_read() -> None:
    assert seen((20, 30), Pictures(size=(12, 12))) == (0, 0, 30, 20)
    assert seen((20, 30), Pictures(shorter=12, crop=(12, 12))) == (5, 0, 25, 20)
    assert seen((20, 30), Pictures(size=(10, 15), crop=(12, 21))) == (-6, -2, 36, 22)         # with black around it


# --- what does not go together ----------------------------------------------------------------------------------------
def test_what_does_not_go_together_is_refused_in_a_line(captioner: Opened, blip: Opened, tiny_folder: Path, tmp_path: Path) -> None:
    caption = task("caption", blip)
    for call, parts in (
        (lambda: task("caption", tiny_folder), ("cannot caption", "translate")),
        (lambda: task("translate", captioner), ("cannot translate", "caption, embed")),
        (lambda: caption(PICTURES[0], prompt="The cat " * 40), ("a prompt has", "room for 39")),
        (lambda: caption([PICTURES[0], tmp_path / "nowhere.png"]), ("picture 2 of 2", "no such file")),
        (lambda: caption(3), ("got int",)),
        (lambda: caption(PICTURES[0], beam=2, nbest=3), ("nbest=3",)),
        (lambda: caption(PICTURES[0], words=True), ('no option "words"',)),
    ):
        with pytest.raises(LimelightError) as caught:
            call()
        assert "\n" not in str(caught.value)
        for part in parts:
            assert part in str(caught.value)


def test_answers_as_data(blip: Opened) -> None:
    result = task("caption", blip)(PICTURES[0], beam=3, nbest=2, max_length=6)
    told = result.to_json()
    assert told["generated_text"] == result.text == result.nbest[0].text
    assert len(told["nbest"]) == len(result.nbest) == 2
    assert told["size"] == [20, 30]
    assert "words" not in told
    assert result.cells() == {"": [each.text for each in result.nbest]}
    looked = task("caption", blip)(PICTURES[0], look=True).to_json()
    assert set(looked["words"][0]) == {"word", "span", "elsewhere", "fall", "chance", "map"}
    drawn, again = (task("caption", blip)(PICTURES[:2], sample=Sample(temperature=1.5, seed=1)) for _ in range(2))
    assert [each.text for each in drawn] == [each.text for each in again]
